#!/usr/bin/python3
"""Sign in to IMAP with the ticket of whoever runs it (RFC 4752), and say what the server says. It stands alone."""

import imaplib
import ssl

import gssapi

_SERVER = "server.schule.example"


class Ticket:
    """The client's side; no security layer, for TLS is one."""

    def __init__(self) -> None:
        name = gssapi.Name(f"imap@{_SERVER}", gssapi.NameType.hostbased_service)
        self._context = gssapi.SecurityContext(name=name, usage="initiate")

    def __call__(self, said: bytes) -> bytes:
        if not self._context.complete:
            return self._context.step(said or None) or b""
        self._context.unwrap(said)
        return bytes(self._context.wrap(b"\x01\x00\x00\x00", False).message)


with imaplib.IMAP4(_SERVER, timeout=20) as imap:
    imap.starttls(ssl.create_default_context())
    print(*imap.authenticate("GSSAPI", Ticket()))
    print(*imap.select("INBOX"))
