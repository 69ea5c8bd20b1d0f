"""The demo's proof that mail programs set themselves up: from an address and a password to a mailbox that opens.

May live here: what is exchanged and what must come back. May not: how a line is printed. Nobody answers for the demo's
names, so each is looked for on this machine; that its certificate is for the name is checked.
"""

from __future__ import annotations

import http.client
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

if TYPE_CHECKING:
    from appliance.demo.proof import School

_HERE, _PATIENCE = "127.0.0.1", 10.0
_FILE = "/mail/config-v1.1.xml"


def _set_up(school: School) -> tuple[bool, str]:
    """Ask as Thunderbird does, then sign in where the answer says: at the best way to read, and to send."""
    trusted = ssl.create_default_context(cafile=str(school.ca))
    address, domain = school.address(school.pupil.login), school.settings.school.domain
    port = school.settings.network.listen["https"].port
    _is_called(f"autoconfig.{domain}", port, trusted)
    client = http.client.HTTPSConnection(_HERE, port, timeout=_PATIENCE, context=trusted)
    client.request("GET", f"{_FILE}?emailaddress={address}", headers={"Host": f"autoconfig.{domain}:{port}"})
    answer = client.getresponse().read()
    client.close()
    try:
        read, sent = _ways(answer)
    except (Xml.ParseError, ValueError) as error:
        return False, f"no file of settings came: {error}"
    for way in (read, sent):
        if way["socketType"] != "SSL" or way["username"] != "%EMAILLOCALPART%":
            return False, f"{way['socketType']}, {way['username']}"
        _is_called(way["hostname"], int(way["port"]), trusted)
    login = address.partition("@")[0]
    with imaplib.IMAP4_SSL(_HERE, int(read["port"]), timeout=_PATIENCE, ssl_context=trusted) as imap:
        status, _ = imap.login(login, school.pupil.password)
    with smtplib.SMTP_SSL(_HERE, int(sent["port"]), timeout=_PATIENCE, context=trusted) as smtp:
        code, _ = smtp.login(login, school.pupil.password)
    found = f"IMAP {read['hostname']}:{read['port']}, SMTP {sent['hostname']}:{sent['port']}, signed in at both"
    return (status, code) == ("OK", 235), found


def _ways(answer: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """The first way to read and the first to send; raises ``ValueError`` where one is missing."""
    told = Xml.fromstring(answer)  # noqa: S314 - our own answer
    ways = [told.find(f"emailProvider/{kind}") for kind in ("incomingServer", "outgoingServer")]
    read, sent = ({one.tag: one.text or "" for one in way} for way in ways if way is not None)
    return read, sent


def _is_called(name: str, port: int, trusted: ssl.SSLContext) -> None:
    """Raise ``ssl.SSLCertVerificationError`` unless the certificate at ``port`` is for ``name``."""
    with (
        socket.create_connection((_HERE, port), _PATIENCE) as plain,
        trusted.wrap_socket(plain, server_hostname=name),
    ):
        pass


EXCHANGES: tuple[tuple[str, Callable[[School], tuple[bool, str]]], ...] = (("mail: a program sets itself up", _set_up),)
