"""Mail programs that are connected and have not signed in yet, and whose mail it is."""

from __future__ import annotations

import imaplib
import smtplib
import socket
import ssl
from pathlib import Path

from tests.integration.demo.waiting import eventually
from tests.integration.mail.school import School

FRED, FRIDA, GINA = (f"{name}@schule.example" for name in ("fred.mustermann", "frida.lehrer", "gina.musterfrau"))
PATIENCE = 20.0
_HOST = "pc12.schule.example"


def connect(
    school: School, listener: str = "submission", address: str = "127.0.0.1", *, tls: bool = True
) -> smtplib.SMTP:
    """A mail program that comes from ``address``; with ``tls`` it waits until the line is safe, and greets again."""
    own = (address, 0)
    if listener == "submissions":
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            "127.0.0.1", school.ports[listener], _HOST, timeout=PATIENCE, source_address=own, context=school.context
        )
    else:
        client = smtplib.SMTP("127.0.0.1", school.ports[listener], _HOST, timeout=PATIENCE, source_address=own)
    if tls and listener != "submissions":
        client.starttls(context=school.context)
    client.ehlo()
    return client


def connect_imap(school: School) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", school.ports["imap"], timeout=20)
    client.starttls(school.context)
    return client


class Line:
    """A connection over which every byte is the test's own."""

    def __init__(self, sock: socket.socket | ssl.SSLSocket) -> None:
        self.socket = sock
        sock.settimeout(PATIENCE)
        self._came = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> str:
        """The next whole reply, its lines joined by line ends; empty when the other side has closed."""
        lines = []
        while not lines or lines[-1][3:4] == "-":
            while b"\r\n" not in self._came:
                piece = self.socket.recv(65536)
                if not piece:
                    assert not self._came, f"half a reply: {self._came!r}"
                    return ""
                self._came += piece
            line, _, self._came = self._came.partition(b"\r\n")
            lines.append(line.decode("ascii"))
        return "\n".join(lines)

    def settle(self) -> None:
        """Wait until the program at the other end has read all that was sent."""
        own = self.socket.getsockname()[1]
        eventually(lambda: _unread(own) == 0, what="it was read")

    def close(self) -> None:
        self.socket.close()


def _unread(port: int) -> int:
    """Bytes from our ``port`` that the kernel has and their program has not read yet, both ways counted."""
    unread = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        to_send, to_read = (int(each, 16) for each in queues.split(":"))
        if int(remote.rpartition(":")[2], 16) == port:
            unread += to_read
        elif int(local.rpartition(":")[2], 16) == port:
            unread += to_send
    return unread
