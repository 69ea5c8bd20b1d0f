"""Reading a submission connection byte by byte strictly, and counting connections.

May live here: what is below SMTP's grammar. May not: commands, replies.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Protocol


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

    def put_back(self, data: bytes) -> None:
        """Let ``data``, which was read too far, be read next."""
        buffer: bytearray = self._buffer  # type: ignore[attr-defined]  # asyncio offers no other way to read ahead
        buffer[:0] = data


class Closable(Protocol):
    """An open connection."""

    def last_word(self, reply: str) -> None:
        """Send ``reply`` and close."""
        ...


class Connections:
    """Which connections are open: at most ``most`` in all and ``each`` from one address."""

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._open: dict[Closable, str] = {}
        self._counts: Counter[str] = Counter()
        self._none = asyncio.Event()
        self._none.set()

    def __iter__(self) -> Iterator[Closable]:
        return iter(list(self._open))

    def take(self, connection: Closable, address: str) -> bool:
        """Count ``connection`` from ``address``; false, and not counted, when there are enough."""
        if len(self._open) >= self._most or self._counts[address] >= self._each:
            return False
        self._open[connection] = address
        self._counts[address] += 1
        self._none.clear()
        return True

    def give_back(self, connection: Closable) -> None:
        """Count ``connection`` no more; does nothing when it was not counted."""
        address = self._open.pop(connection, None)
        if address is not None:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]
        if not self._open:
            self._none.set()

    async def none_left(self) -> None:
        """Wait until all are closed."""
        await self._none.wait()
