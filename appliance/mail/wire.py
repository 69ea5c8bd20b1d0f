"""Reading a submission connection byte by byte strictly, and counting connections.

May live here: what is below SMTP's grammar. May not: commands, replies.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

_HERE = "this machine"


class BadLine(Exception):
    """A line did not end with CRLF, had a CR inside or had no end: whoever sends that may mean two things at once."""


class LineReader(asyncio.StreamReader):
    """A stream whose lines end with CRLF only (RFC 5321 2.3.8)."""

    async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]  # newer Pythons take a tuple, too
        """Read a line. Raise :class:`BadLine`, after which nothing more should be read, or ``IncompleteReadError``."""
        try:
            line = await super().readuntil(separator)
        except asyncio.LimitOverrunError:
            raise BadLine from None
        if separator == b"\n" and (not line.endswith(b"\r\n") or b"\r" in line[:-2]):
            raise BadLine
        return line

    def longest(self, length: int) -> None:
        """Let a line have ``length`` bytes from now on."""
        self._limit = length

    def put_back(self, data: bytes) -> None:
        """Let ``data``, which was read too far, be read next."""
        buffer: bytearray = self._buffer  # type: ignore[attr-defined]  # asyncio offers no other way to read ahead
        buffer[:0] = data


class Closable(Protocol):
    """An open connection."""

    def last_word(self, reply: str) -> None:
        """Send ``reply`` and close."""
        ...

    def give_way(self) -> None:
        """Close, because somebody else needs the room."""
        ...


class Connections:
    """Which connections are open: at most ``most`` in all and ``each`` from one address, or one /64 of IPv6.

    Who signed in stays; of the others the oldest gives way when there are enough. Connections of this machine, such as
    the probe's, count for themselves only: they always find room, and none gives way to them.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._open: dict[Closable, str] = {}
        self._strangers: dict[Closable, None] = {}
        self._counts: Counter[str] = Counter()
        self._none = asyncio.Event()
        self._none.set()

    def __iter__(self) -> Iterator[Closable]:
        return iter(list(self._open))

    def take(self, connection: Closable, address: str) -> bool:
        """Count ``connection`` from ``address``; false, and not counted, when there are enough."""
        origin = _origin(address)
        if self._counts[origin] >= self._each:
            return False
        if origin != _HERE:
            if len(self._open) - self._counts[_HERE] >= self._most and not self._make_room():
                return False
            self._strangers[connection] = None
        self._open[connection] = origin
        self._counts[origin] += 1
        self._none.clear()
        return True

    def signed_in(self, connection: Closable) -> None:
        """Keep ``connection`` from now on, however many come."""
        self._strangers.pop(connection, None)

    def give_back(self, connection: Closable) -> None:
        """Count ``connection`` no more; does nothing when it was not counted."""
        self._strangers.pop(connection, None)
        origin = self._open.pop(connection, None)
        if origin is not None:
            self._counts[origin] -= 1
            if not self._counts[origin]:
                del self._counts[origin]
        if not self._open:
            self._none.set()

    async def none_left(self) -> None:
        """Wait until all are closed."""
        await self._none.wait()

    def _make_room(self) -> bool:
        oldest = next(iter(self._strangers), None)
        if oldest is None:
            return False
        self.give_back(oldest)
        oldest.give_way()
        return True


def _origin(address: str) -> str:
    """Give what ``address`` is counted as: whoever has one address of IPv6 has all of its /64."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if read.is_loopback:
        return _HERE
    return str(ip_network((read, 64), strict=False)) if isinstance(read, IPv6Address) else address
