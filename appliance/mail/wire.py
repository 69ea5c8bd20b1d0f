"""Reading a connection of a mail program byte by byte, strictly.

May live here: what is below SMTP's grammar. May not: commands, replies.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

_IN_A_ROW = 4


class BadLine(Exception):
    """A line did not end with CRLF, had a CR inside or had no end: whoever sends that may mean two things at once."""


class LineReader(asyncio.StreamReader):
    """A stream whose lines end with CRLF only (RFC 5321 2.3.8), and whose lines are not all served before others'."""

    _in_a_row = 0

    async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]  # newer Pythons take a tuple, too
        """Read a line. Raise :class:`BadLine`, after which nothing more should be read, or ``IncompleteReadError``.

        Of many lines that came at once only some are given without a wait: one client's commands hold up nobody else.
        """
        self._in_a_row = self._in_a_row + 1 if self.has_line else 0
        if self._in_a_row == _IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
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

    @contextlib.contextmanager
    def in_bulk(self, size: int) -> Iterator[None]:
        """Let twice ``size`` bytes gather before the other side has to wait; for what is not read by lines."""
        limit, self._limit = self._limit, size
        try:
            yield
        finally:
            self._limit = limit

    @property
    def waiting(self) -> bool:
        """Whether something came that was not read yet."""
        return bool(self._buffer)  # type: ignore[attr-defined]  # as below

    @property
    def has_line(self) -> bool:
        """Whether a line can be read without waiting."""
        return b"\n" in self._buffer  # type: ignore[attr-defined]  # as below

    async def speaks_within(self, seconds: float) -> bool:
        """Say whether something comes before ``seconds`` have passed, or came already; it is still to be read."""
        if not seconds:
            await asyncio.sleep(0)
            return self.waiting
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                self.put_back(await self.read(1))
        return self.waiting

    def put_back(self, data: bytes) -> None:
        """Let ``data``, which was read too far, be read next."""
        buffer: bytearray = self._buffer  # type: ignore[attr-defined]  # asyncio offers no other way to read ahead
        buffer[:0] = data
