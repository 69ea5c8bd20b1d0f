"""Clients that show tickets: mail programs by python3-gssapi and by curl, browsers by curl.

May live here: what a client does. May not: where tickets come from (``school``).
"""

from __future__ import annotations

import base64
import imaplib
import os
import smtplib
import ssl
import subprocess
from pathlib import Path

import gssapi

from tests.integration.kerberos.school import SERVER, TicketSchool
from tests.school.box.by_ticket import Imap

_SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


class Speaker:
    """SASL's GSSAPI of a client (RFC 4752) with the tickets in ``cache``, for ``service`` (``imap``)."""

    def __init__(self, cache: Path, service: str, identity: str = "", host: str = SERVER) -> None:
        self._identity = identity
        self.context = context_for(cache, service, host)

    def __call__(self, challenge: bytes) -> bytes:
        """Answer a challenge."""
        if not self.context.complete:
            return self.context.step(challenge or None) or b""
        offer = self.context.unwrap(challenge).message
        assert offer[:1] == b"\x01", "no layer is offered but TLS"
        return self.context.wrap(b"\x01\0\0\0" + self._identity.encode(), False).message


def context_for(cache: Path, service: str, host: str = SERVER, spnego: bool = False) -> gssapi.SecurityContext:
    """The client's side of a sign-in."""
    return gssapi.SecurityContext(
        name=gssapi.Name(f"{service}@{host}", gssapi.NameType.hostbased_service),
        creds=gssapi.Credentials(usage="initiate", store={"ccache": f"FILE:{cache}"}),
        mech=_SPNEGO if spnego else gssapi.MechType.kerberos,
        flags=[gssapi.RequirementFlag.mutual_authentication],
        usage="initiate",
    )


def connect_smtp(school: TicketSchool) -> smtplib.SMTP:
    """A mail program that has not signed in yet."""
    client = smtplib.SMTP(*school.address("submission"), local_hostname="pc12.schule.example", timeout=20)
    client.starttls(context=ssl.create_default_context(cafile=str(school.ca)))
    client.ehlo()
    return client


def show_smtp(client: smtplib.SMTP, speaker: Speaker, at_once: bool = False) -> tuple[int, bytes]:
    """Sign in by a ticket; the last reply. ``at_once``: the first token goes with the command."""
    first = base64.b64encode(speaker(b"")).decode()
    code, told = client.docmd("AUTH", f"GSSAPI {first}" if at_once else "GSSAPI")
    if not at_once and code == 334:
        code, told = client.docmd(first)
    while code == 334:
        code, told = client.docmd(base64.b64encode(speaker(base64.b64decode(told))).decode() or "=")
    return code, told


def connect_imap(school: TicketSchool) -> imaplib.IMAP4:
    """A mail program that reads and has not signed in yet."""
    client = Imap(*school.address("imap"), timeout=20)
    client.starttls(ssl.create_default_context(cafile=str(school.ca)))
    return client


def show_imap(school: TicketSchool, speaker: Speaker) -> imaplib.IMAP4:
    """Sign in by a ticket; raises ``imaplib.IMAP4.error`` with what was told."""
    client = connect_imap(school)
    client.authenticate("GSSAPI", speaker)
    return client


def curl(school: TicketSchool, cache: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run curl with the tickets in ``cache``; the server's name leads here."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment["KRB5CCNAME"] = f"FILE:{cache}"
    there = [f"{SERVER}:{school.address(name)[1]}:127.0.0.1" for name in ("submission", "imap", "proxy", "proxy-tls")]
    resolve = [word for one in there for word in ("--resolve", one)]
    certificates = ["--cacert", str(school.ca), "--proxy-cacert", str(school.ca)]
    argv = ["curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "", *resolve, *certificates]
    return subprocess.run([*argv, *arguments], capture_output=True, text=True, check=False, timeout=30, env=environment)
