"""The profile of Apple's devices, and its keys as Apple describes them."""

import plistlib
from dataclasses import replace

from appliance.autoconfig.apple import profile
from appliance.daemon.texts import translator
from tests.unit.autoconfig.support import DOMAIN, FACTS, MAIL

GERMAN = translator("de")


def read(login: str | None, facts=FACTS) -> dict:
    return plistlib.loads(profile(facts, login, GERMAN))


def test_an_account_has_what_the_device_needs() -> None:
    mail = read("fred.mustermann")["PayloadContent"][0]
    assert mail.pop("PayloadDisplayName") == f"E-Mail {FACTS.school}"
    assert len(mail.pop("PayloadUUID")) == 36
    assert mail == {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": "example.schule.schoolserver.mail",
        "EmailAccountDescription": FACTS.school,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": f"fred.mustermann@{DOMAIN}",
        "IncomingMailServerHostName": MAIL,
        "IncomingMailServerPortNumber": 993,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerUsername": "fred.mustermann",
        "OutgoingMailServerHostName": MAIL,
        "OutgoingMailServerPortNumber": 465,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerUsername": "fred.mustermann",
        "OutgoingPasswordSameAsIncomingPassword": True,
        "SMIMEEnabled": False,
    }


def test_no_password_is_ever_in_it() -> None:
    assert b"IncomingPassword</key>" not in profile(FACTS, "fred", GERMAN).replace(b"SameAsIncomingPassword", b"")


def test_the_authority_is_in_it_where_there_is_no_other_certificate() -> None:
    assert [one["PayloadType"] for one in read("fred")["PayloadContent"]] == [
        "com.apple.mail.managed",
        "com.apple.security.root",
    ]
    assert read("fred")["PayloadContent"][1]["PayloadContent"] == FACTS.authority
    assert len(read("fred", replace(FACTS, authority=None))["PayloadContent"]) == 1


def test_installing_it_again_replaces_the_former_one() -> None:
    def names(found: dict) -> list[tuple[str, str]]:
        return [(one["PayloadIdentifier"], one["PayloadUUID"]) for one in (found, *found["PayloadContent"])]

    assert names(read("fred")) == names(read(None)) == names(read("anna"))
    assert len(set(names(read("fred")))) == 3
    other = replace(FACTS, domain="anders.example")
    assert not set(names(read("fred"))) & set(names(read("fred", other)))
