#!/usr/bin/python3
"""What runs for who is logged on at this PC: mail, browser, drives.

They show his ticket (RFC 4752, 4559), never a password. It stands alone: python3-gssapi, smbclient, the standard
library.

    by_ticket.py reads            says the Subject of every letter in INBOX
    by_ticket.py sends LOGIN TO   sends a letter as LOGIN
    by_ticket.py asks URL         says what a page has, by the proxy (curl 8.14 cannot: "Failed to find the SSL filter")
    by_ticket.py opens URL DOES   opens a drive and does there what smbclient is to do
    by_ticket.py lists            says what is in each drive that the file manager of this PC shows
    by_ticket.py stays URL        opens a drive, says "in", goes on looking into it, and says "out" when it is closed

It says what the server told when it was not let in; the exit code is 1 then.
"""

import base64
import contextlib
import imaplib
import os
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import gssapi

_SERVER, _DOMAIN = "server.schule.example", "schule.example"
_PATIENCE = 20.0
_PAUSE = threading.Event()
_TLS = ssl.create_default_context()
_SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


class Speaker:
    """What the client says, for ``service`` (``imap``), in answer to each challenge."""

    def __init__(self, service: str, mech: gssapi.OID = gssapi.MechType.kerberos) -> None:
        name = gssapi.Name(f"{service}@{_SERVER}", gssapi.NameType.hostbased_service)
        flags = [gssapi.RequirementFlag.mutual_authentication]
        self._context = gssapi.SecurityContext(name=name, mech=mech, flags=flags, usage="initiate")
        # Before anybody is called: who fails in the middle of AUTHENTICATE leaves imaplib waiting for the server.
        self._first: bytes | None = self._context.step()

    def __call__(self, challenge: bytes) -> bytes:
        """First tokens, then the choice of no layer below TLS."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if not self._context.complete:
            return self._context.step(challenge) or b""
        self._context.unwrap(challenge)
        return self._context.wrap(b"\x01\0\0\0", False).message


class Imap(imaplib.IMAP4):
    """Sends each line whole, as mail programs do, and not its end in a TLS record of its own.

    Dovecot 2.3 has read that record already when it has the long line before it, and waits for it forever.
    """

    _begun = b""

    def send(self, data: bytes) -> None:
        """Once the line has its end."""
        self._begun += data
        if self._begun.endswith(imaplib.CRLF):
            line, self._begun = self._begun, b""
            super().send(line)


def reads() -> None:
    """All of INBOX."""
    speaker = Speaker("imap")
    with Imap(_SERVER, timeout=_PATIENCE) as imap:
        imap.starttls(_TLS)
        imap.authenticate("GSSAPI", speaker)
        imap.select("INBOX", readonly=True)
        for item in imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
            if isinstance(item, tuple):
                print(item[1].decode().strip())


def sends(login: str, to: str) -> None:
    """One letter."""
    speaker = Speaker("smtp")
    with smtplib.SMTP(_SERVER, 587, timeout=_PATIENCE) as smtp:
        smtp.starttls(context=_TLS)
        smtp.ehlo()
        code, told = smtp.docmd("AUTH", f"GSSAPI {base64.b64encode(speaker(b'')).decode()}")
        while code == 334:
            code, told = smtp.docmd(base64.b64encode(speaker(base64.b64decode(told))).decode())
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, told)
        own = f"{login}@{_DOMAIN}"
        smtp.sendmail(own, [to], f"From: {own}\r\nTo: {to}\r\nSubject: by ticket\r\n\r\nHello.\r\n")


def asks(url: str) -> None:
    """One page; the token goes with the request."""
    token = base64.b64encode(Speaker("HTTP", _SPNEGO)(b"")).decode()
    head = f"GET {url} HTTP/1.1\r\nHost: {url.split('/')[2]}\r\nConnection: close\r\n"
    with (
        socket.create_connection((_SERVER, 3129), _PATIENCE) as plain,
        _TLS.wrap_socket(plain, server_hostname=_SERVER) as way,
    ):
        way.sendall(f"{head}Proxy-Authorization: Negotiate {token}\r\n\r\n".encode())
        print(way.makefile("rb").read().decode())


def opens(url: str, does: str) -> None:
    """With smbclient; its exit code is ours."""
    sys.exit(subprocess.run((*_smbclient(url), "--command", does), check=False).returncode)


def lists() -> None:
    """By the addresses in the list of a file manager."""
    for line in (Path.home() / ".config" / "gtk-3.0" / "bookmarks").read_text().splitlines():
        subprocess.run((*_smbclient(line.split()[0]), "--command", "ls"), check=True)


def stays(url: str) -> None:
    """A session that is used all the time, as by an open file manager."""
    told, by_line = ["in"], ("stdbuf", "--output=L", *_smbclient(url))
    with (
        subprocess.Popen(by_line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as client,
        contextlib.suppress(BrokenPipeError),
    ):
        assert client.stdin is not None
        assert client.stdout is not None
        while client.stdin.write(b"ls\n") and _listed(client.stdout):
            while told:
                print(told.pop(), flush=True)
            _PAUSE.wait(0.1)
        client.kill()
    print("out", flush=True)


def _listed(screen: IO[bytes]) -> bool:
    """Whether a list came, to its last line."""
    said = b""
    while not said.endswith(b"available\n") and b"NT_STATUS_" not in said and (piece := screen.read(65536)):
        said += piece
    return said.endswith(b"available\n")


def _smbclient(url: str) -> tuple[str, ...]:
    """Asked for his tickets by name it asks for no password: with 4.17 not even for one that it does not need."""
    return ("smbclient", url.removeprefix("smb:"), f"--use-krb5-ccache={os.environ['KRB5CCNAME']}")


_VERBS: Mapping[str, Callable[..., None]] = {
    "reads": reads, "sends": sends, "asks": asks, "opens": opens, "lists": lists, "stays": stays,
}  # fmt: skip

if __name__ == "__main__":
    what, *given = sys.argv[1:]
    try:
        _VERBS[what](*given)
    except (imaplib.IMAP4.error, smtplib.SMTPException, gssapi.exceptions.GSSError) as problem:
        sys.exit(f"{type(problem).__name__}: {problem}")
