"""The file by the rules by which Thunderbird reads it; what breaks them it leaves out, or refuses the file."""

import re
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest

from appliance.autoconfig.thunderbird import client_config
from appliance.settings.mail_offers import Offer
from tests.unit.autoconfig.support import DOMAIN, FACTS, MAIL

HOST = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]")
SOCKETS = {"SSL", "STARTTLS", "plain"}
AUTHENTICATIONS = {"password-cleartext", "password-encrypted", "NTLM", "GSSAPI", "client-IP-address", "OAuth2", "none"}
PLACEHOLDERS = re.compile(r"%(?:EMAILADDRESS|EMAILLOCALPART|EMAILDOMAIN|REALNAME)%|[^%]+")


def read(content: bytes) -> dict[str, list[tuple[str, int, str, str]]]:
    """Read it as the program does: the first provider, which must name a domain, and its servers in their order."""
    root = Xml.fromstring(content)
    assert (root.tag, root.get("version")) == ("clientConfig", "1.1")
    provider = root.find("emailProvider")
    assert provider is not None and HOST.fullmatch(provider.get("id", ""))
    assert [one.text for one in provider.findall("domain")] == [DOMAIN]
    assert provider.findtext("displayName") == FACTS.school
    found = {}
    for kind, types in (("incomingServer", {"imap", "pop3"}), ("outgoingServer", {"smtp"})):
        servers = provider.findall(kind)
        assert servers and {one.get("type") for one in servers} <= types
        found[kind] = [tuple(server(one)) for one in servers]
    return found


def server(element: Xml.Element):
    values = {name: element.findtext(name, "") for name in ("hostname", "port", "socketType", "username")}
    assert HOST.fullmatch(values["hostname"])
    assert 1 <= int(values["port"]) <= 65535
    assert values["socketType"] in SOCKETS - {"plain"}, "a password never crosses the network in clear"
    assert "".join(PLACEHOLDERS.findall(values["username"])) == values["username"]
    assert element.findtext("authentication") in AUTHENTICATIONS
    return values["hostname"], int(values["port"]), values["socketType"], values["username"]


def test_the_best_way_comes_first() -> None:
    assert read(client_config(FACTS)) == {
        "incomingServer": [(MAIL, 993, "SSL", "%EMAILLOCALPART%"), (MAIL, 143, "STARTTLS", "%EMAILLOCALPART%")],
        "outgoingServer": [(MAIL, 465, "SSL", "%EMAILLOCALPART%"), (MAIL, 587, "STARTTLS", "%EMAILLOCALPART%")],
    }


@pytest.mark.parametrize("at_once", [True, False])
def test_a_school_with_one_way(at_once: bool) -> None:
    one = (Offer("imap", MAIL, 1143, at_once),)
    assert [way[1:3] for way in read(client_config(replace(FACTS, imap=one)))["incomingServer"]] == [
        (1143, "SSL" if at_once else "STARTTLS")
    ]
