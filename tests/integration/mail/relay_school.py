"""A school with groups, a device, a relay and mail to the outside, whose spool nobody takes away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from tests.integration.mail.clients import connect
from tests.integration.mail.relay_matrix import (
    DEVICE_SENDER,
    DOMAIN,
    FULL_QUOTA,
    GROUPS,
    OUTSIDE_ROLES,
    PEOPLE,
    ROLE_ADDRESS,
    Place,
)
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD, short_folder
from tests.integration.support_ports import free_port

_NETWORK_YAML = """\
device_networks: [127.0.20.0/24]
"""
_MAIL_YAML = """\
idle_timeout: 60 s
connections_per_address: 60
devices:
  - {{address: {device}, sender: {sender}, name: Kopierer, recipients_per_hour: 10000}}
rules:
  recipients_per_hour: {{pupil: 10000, teacher: 10000, staff: 10000, office: 10000, admin: 10000}}
  addresses:
    {role}: {{roles: [office]}}
outside:
  send: [{roles}]
  receive: [{roles}]
  smarthost: localhost:{port}
  relays: [{relay}]
"""


class RelaySchool(School):
    """Beside what a school has: ``waiting`` is what waits for the smarthost."""

    PEOPLE = PEOPLE
    GROUPS: ClassVar = GROUPS
    MAIL_YAML = _MAIL_YAML.format(
        device=Place.DEVICE.value,
        sender=DEVICE_SENDER,
        role=ROLE_ADDRESS,
        roles=", ".join(sorted(OUTSIDE_ROLES)),
        relay=Place.RELAY.value,
        port=free_port(),
    )
    NETWORK_YAML = _NETWORK_YAML

    def waiting(self) -> list[Path]:
        return sorted((self.data / "mail" / ".spool").glob("[cn]*/*"))


@contextlib.contextmanager
def start_relay_school() -> Iterator[RelaySchool]:
    """Run one until the end; Vera's mailbox takes no more, that of Nils no more than a few kilobytes."""
    with short_folder() as (folder, stack):
        school = RelaySchool(folder, stack)
        sender = f"ada.admin@{DOMAIN}"
        with connect(school) as client:
            client.login("ada.admin", PASSWORD)
            for login, size in (("vera.voll", FULL_QUOTA - 100), ("nils.nahezu", FULL_QUOTA * 2 // 3)):
                message = f"From: {sender}\r\n\r\n".encode() + (b"x" * 70 + b"\r\n") * (size // 72)
                client.sendmail(sender, [f"{login}@{DOMAIN}"], message)
        yield school
