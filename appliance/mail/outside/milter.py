"""Asking a mail filter about one message, in the milter protocol, version 6 (Debian: libmilter-dev, rspamd).

May live here: its packets and steps. May not: whom to ask and when (``scan``). Blocking. The filter may refuse a
message or put it off; whatever it wants to change is left as it is.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from appliance.mail.head import Field, as_text

_VERSION: Final = 6
_ACTIONS: Final = 0x1FF  # filters end when they may not ask for changes, so they may; none is made
_SKIP: Final = 0x400
_BODY_MOST: Final = 65535
_LONGEST: Final = 1024 * 1024
_CHANGES: Final = frozenset(b"+-bhime2")


class Verdict(StrEnum):
    """What a scanner says of a message; AWAY: it cannot say at the moment."""

    CLEAN = "clean"
    FOUND = "found"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Scanned:
    """Whose message it is: envelope ``sender`` (may be empty), ``recipients``, our id of it, the peer's IP if any."""

    sender: str
    recipients: tuple[str, ...]
    identity: str
    address: str = ""


class BrokenFilter(Exception):
    """It says what no filter says."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A command, with the flag by which a filter does without it, and the one by which it does not answer it."""

    command: bytes
    without: int
    unanswered: int


_CONNECT = _Step(b"C", 0x1, 0x1000)
_HELO = _Step(b"H", 0x2, 0x2000)
_MAIL = _Step(b"M", 0x4, 0x4000)
_RCPT = _Step(b"R", 0x8, 0x8000)
_DATA = _Step(b"T", 0x200, 0x10000)
_FIELD = _Step(b"L", 0x20, 0x80)
_END_OF_HEAD = _Step(b"N", 0x40, 0x40000)
_BODY = _Step(b"B", 0x10, 0x80000)
_STEPS = (_CONNECT, _HELO, _MAIL, _RCPT, _DATA, _FIELD, _END_OF_HEAD, _BODY)
_OFFERED = sum(step.without | step.unanswered for step in _STEPS) | _SKIP


class Conversation:
    """One conversation over ``connection`` (with a time-out set) that ends within ``limit`` seconds."""

    def __init__(self, connection: socket.socket, limit: float) -> None:
        self._connection = connection
        self._end = time.monotonic() + limit
        self._flags = 0

    def verdict(self, domain: str, about: Scanned, fields: Iterable[Field], body: Iterable[bytes]) -> Verdict:
        """Give what the filter says. Raise ``OSError`` or :class:`BrokenFilter`."""
        self._negotiate()
        for step, data in _packets(domain, about, fields):
            answer = self._do(step, data)
            if answer is not None:
                return answer
        for chunk in body:
            for start in range(0, len(chunk), _BODY_MOST):
                answer, more = self._do_body(chunk[start : start + _BODY_MOST])
                if answer is not None:
                    return answer
                if not more:
                    break
            else:
                continue
            break
        self._send(b"E", b"")
        return self._answer() or Verdict.CLEAN

    def _negotiate(self) -> None:
        self._send(b"O", struct.pack("!III", _VERSION, _ACTIONS, _OFFERED))
        kind, data = self._receive()
        if kind != b"O" or len(data) < 12:
            raise BrokenFilter("no negotiation")
        self._flags = struct.unpack("!III", data[:12])[2] & _OFFERED

    def _do(self, step: _Step, data: bytes) -> Verdict | None:
        """Take ``step``; gives the verdict, if there is one already."""
        if self._flags & step.without:
            return None
        if step is _MAIL:
            self._send(b"D", b"M" + data[data.index(b"\0") + 1 :])
            data = data[: data.index(b"\0") + 1]
        self._send(step.command, data)
        return None if self._flags & step.unanswered else self._answer()

    def _do_body(self, chunk: bytes) -> tuple[Verdict | None, bool]:
        if self._flags & _BODY.without:
            return None, False
        self._send(_BODY.command, chunk)
        if self._flags & _BODY.unanswered:
            return None, True
        kind, data = self._said()
        return (None, False) if kind == b"s" else (_verdict(kind, data), True)

    def _answer(self) -> Verdict | None:
        return _verdict(*self._said())

    def _said(self) -> tuple[bytes, bytes]:
        """Give the next answer that is neither a wish to change something nor a sign of life."""
        while True:
            kind, data = self._receive()
            if kind != b"p" and kind[0] not in _CHANGES:
                return kind, data

    def _send(self, command: bytes, data: bytes) -> None:
        self._connection.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def _receive(self) -> tuple[bytes, bytes]:
        if time.monotonic() > self._end:
            raise BrokenFilter("it takes too long")
        (length,) = struct.unpack("!I", self._exactly(4))
        if not 1 <= length <= _LONGEST:
            raise BrokenFilter("an answer of no length, or of any")
        data = self._exactly(length)
        return data[:1], data[1:]

    def _exactly(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            more = self._connection.recv(length - len(data))
            if not more:
                raise BrokenFilter("it ended the connection")
            data += more
        return bytes(data)


def _packets(domain: str, about: Scanned, fields: Iterable[Field]) -> Iterator[tuple[_Step, bytes]]:
    yield _CONNECT, _peer(about.address)
    yield _HELO, domain.encode() + b"\0"
    yield _MAIL, f"<{about.sender}>\0i\0{about.identity}\0".encode()
    for recipient in about.recipients:
        yield _RCPT, f"<{recipient}>\0".encode()
    yield _DATA, b""
    for field in fields:
        name = field.raw.partition(b":")[0] or field.name.encode()
        yield _FIELD, name + b"\0" + as_text(field.value).encode() + b"\0"
    yield _END_OF_HEAD, b""


def _peer(address: str) -> bytes:
    if not address:
        return b"localhost\0U"
    family = b"4" if ip_address(address).version == 4 else b"6"
    return f"[{address}]".encode() + b"\0" + family + struct.pack("!H", 0) + address.encode() + b"\0"


def _verdict(kind: bytes, data: bytes) -> Verdict | None:
    """What an answer means; ``None``: go on. What would be thrown away silently is refused: its sender must know."""
    if kind == b"c":
        return None
    if kind == b"a":
        return Verdict.CLEAN
    if kind == b"y":
        return Verdict.AWAY if data[:1] == b"4" else Verdict.FOUND
    if kind in {b"r", b"d", b"q"}:
        return Verdict.FOUND
    if kind in {b"t", b"f", b"4"}:
        return Verdict.AWAY
    raise BrokenFilter("an answer that nobody knows")
