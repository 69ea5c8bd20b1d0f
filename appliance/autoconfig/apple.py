"""What iPhones, iPads and Macs install: a configuration profile with the mail account (``.mobileconfig``). Pure.

It carries the local authority's certificate where the school has no other one. Who installs it again, later or with
another address, replaces the former one: its identifiers stay. May not live here: signing (``signing``).
"""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from appliance.session.replies import mark as _

if TYPE_CHECKING:
    from appliance.autoconfig.facts import Facts

Translate = Callable[[str], str]


def profile(facts: Facts, login: str | None, translate: Translate) -> bytes:
    """Return the profile as a property list; without ``login`` the device asks for name, address and login."""
    title = f"{translate(_('Mail'))} {facts.school}"
    contents = [_account(facts, login, title)]
    if facts.authority is not None:
        contents.append(_authority(facts, facts.authority))
    return plistlib.dumps(
        {
            **_head(facts, "profile", "Configuration", title),
            "PayloadDescription": translate(_("Sets up the school's mail on this device.")),
            "PayloadOrganization": facts.school,
            "PayloadRemovalDisallowed": False,
            "PayloadContent": contents,
        }
    )


def _account(facts: Facts, login: str | None, title: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        **_head(facts, "mail", "com.apple.mail.managed", title),
        "EmailAccountDescription": facts.school,
        "EmailAccountType": "EmailTypeIMAP",
        "OutgoingPasswordSameAsIncomingPassword": True,
        "SMIMEEnabled": False,
    }
    for side, offer in (("Incoming", facts.imap[0]), ("Outgoing", facts.smtp[0])):
        found |= {
            f"{side}MailServerHostName": offer.host,
            f"{side}MailServerPortNumber": offer.port,
            f"{side}MailServerUseSSL": True,
            f"{side}MailServerAuthentication": "EmailAuthPassword",
        }
        if login is not None:
            found[f"{side}MailServerUsername"] = login
    if login is not None:
        found["EmailAddress"] = f"{login}@{facts.domain}"
    return found


def _authority(facts: Facts, certificate: bytes) -> dict[str, Any]:
    return {
        **_head(facts, "authority", "com.apple.security.root", f"schoolserver {facts.domain}"),
        "PayloadCertificateFileName": "ca.crt",
        "PayloadContent": certificate,
    }


def _head(facts: Facts, part: str, kind: str, title: str) -> dict[str, Any]:
    reverse = ".".join(reversed(facts.domain.split(".")))
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{reverse}.schoolserver.{part}",
        "PayloadUUID": str(uuid5(NAMESPACE_DNS, f"{part}.schoolserver.{facts.domain}")).upper(),
        "PayloadDisplayName": title,
    }
