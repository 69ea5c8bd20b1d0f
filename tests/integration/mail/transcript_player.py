"""Has the conversations of ``transcripts`` with a school."""

from __future__ import annotations

import socket
from base64 import b64encode
from typing import Final

from tests.integration.mail.clients import Line
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD

PLACES: Final = {"pc": "127.0.0.1", "device": "127.0.21.7", "relay": "127.0.31.9"}
"""Where each of those who come has his address."""
_SIGNED_IN: Final = ("S 220", "C EHLO pc12", "S 250-")
_BYTES: Final = {"{nul}": b"\0", "{cr}": b"\r", "{lf}": b"\n", "{bad}": b"\xfc", "{long}": b"x" * 2000}


def play(school: School, transcript: str) -> None:
    """Have the conversation ``transcript`` with ``school``."""
    first, *steps = [line.strip() for line in transcript.strip().splitlines()]
    listener, place, *login = [*first.split(), "pc"][:3]
    if place == "as":
        place, steps = "pc", [*_SIGNED_IN, f"AUTH {login[0]}", "S 235 2.7.0", *steps]
    sock: socket.socket = socket.create_connection(
        ("127.0.0.1", school.ports[listener]), 20, source_address=(PLACES[place], 0)
    )
    if listener == "submissions":
        sock = _safe(school, sock)
    line = Line(sock)
    try:
        for number, step in enumerate(steps):
            kind, _, rest = step.partition(" ")
            line = _step(school, line, kind, rest, f"step {number + 1}: {step}")
    finally:
        line.close()


def _step(school: School, line: Line, kind: str, rest: str, where: str) -> Line:
    if kind == "C":
        line.send(_written(rest) + b"\r\n")
    elif kind == "S":
        assert (reply := line.reply()).startswith(rest), f"{where}, and came {reply!r}"
    elif kind == "AUTH":
        line.send(b"AUTH PLAIN " + b64encode(f"\0{rest}\0{PASSWORD}".encode()) + b"\r\n")
    elif kind == "TLS":
        line.send(b"STARTTLS\r\n")
        assert line.reply().startswith("220 2.0.0 "), where
        return Line(_safe(school, line.socket))
    else:
        assert (kind, line.reply()) == ("END", ""), where
    return line


def _safe(school: School, sock: socket.socket) -> socket.socket:
    return school.context.wrap_socket(sock, server_hostname="localhost")


def _written(text: str) -> bytes:
    data = text.encode()
    data = data.replace(b"{hops}", b"\r\n".join([b"Received: by mail.town.example"] * 51))
    data = data.replace(b"{half}", b"\r\n".join([b"x" * 70] * 80))
    for name, value in _BYTES.items():
        data = data.replace(name.encode(), value)
    return data
