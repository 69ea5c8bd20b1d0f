"""A school with real slapd, auth, audit, mail and Dovecot on loopback, each started as its unit starts it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from appliance.policy.account import Role
from tests.integration.support_parts import Parts, person, short_folder

PEOPLE = {
    login: person(login, uid, role, display_name=login.replace(".", " ").title())
    for uid, (login, role) in enumerate(
        (
            ("fred.mustermann", Role.PUPIL),
            ("gina.musterfrau", Role.PUPIL),
            ("frida.lehrer", Role.TEACHER),
            ("ada.admin", Role.ADMIN),
        ),
        20000,
    )
}

WAYS_IN = ("submission", "submissions", "smtp")

_MAIL_YAML = """\
idle_timeout: 3 s
connections: 6
connections_per_address: 12
recipients_max: 4
messages_max: 2000
mailboxes_max: 30
rules: {recipients_per_hour: {pupil: 100000}, bytes_per_hour: {pupil: 1 TB}}
"""


class School(Parts):
    """Mail and Dovecot: ``mail`` and ``imap``. ``MAIL_YAML`` is what its settings say of mail."""

    SERVICE = AUDIENCE = "mail"
    PEOPLE = PEOPLE
    TEACHERS = (2, 1)
    LISTENERS = (*WAYS_IN, "imap", "imaps")
    MAIL_YAML: ClassVar[str] = _MAIL_YAML
    FOLDERS: ClassVar = {
        "run/dovecot": (0o755, False),
        "run/usage/mail": (0o755, True),
        "srv/mail": (0o700, True),
        "state/mail": (0o710, True),
    }

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        super().__init__(folder, stack, {"mail": self.MAIL_YAML})
        self.certify("imap", None)
        self.mail = self.service("mail", *WAYS_IN)
        self.imap = self.service("mail.imap", "imap", "imaps", user={})
        self.run(stack, self.mail, self.imap)

    def boxes(self, login: str) -> list[Path]:
        """The messages of ``login``, new and seen."""
        return sorted((self.data / "mail" / login).glob("[cn]*/*,S=*"))


@contextlib.contextmanager
def start_school() -> Iterator[School]:
    """Run a school until the end."""
    with short_folder() as (folder, stack):
        yield School(folder, stack)
