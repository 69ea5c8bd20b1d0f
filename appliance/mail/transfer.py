"""The bytes of one message as they come in after 354, until the line with a single dot (RFC 5321 4.1.1.4, 4.5.2).

May live here: bytes in, bytes out. May not: a socket, a reply, a header. Only CRLF ends a line and only CRLF . CRLF
ends a message; a bare CR or LF makes the message malformed and never ends it, so that nothing can be smuggled in
behind a dot that another server reads differently. So does a NUL, at which some programs stop reading.
"""

from __future__ import annotations

from enum import StrEnum

_END = b"\r\n.\r\n"
_SLACK = 64 * 1024


class Fault(StrEnum):
    """What is wrong with a message, found while it was read; the first one stays."""

    BARE_NEWLINE = "bare-newline"
    NUL = "nul"
    LONG_LINE = "long-line"
    TOO_LARGE = "too-large"


class Transfer:
    """Takes the bytes as they come and gives the message without dot-stuffing.

    ``limit``: bytes that the message may have; ``line_limit``: bytes of a line without its CRLF. A message with a fault
    is read to its end, since only there may a reply be sent (RFC 5321 4.2.5), and given to nobody; unless it seems to
    have none.
    """

    def __init__(self, limit: int, line_limit: int) -> None:
        self._limit = limit
        self._line_limit = line_limit
        self._held = b""
        self._inside_line = False
        self.fault: Fault | None = None
        self.size = 0
        self.complete = False
        self.rest = b""
        self._taken = 0

    @property
    def endless(self) -> bool:
        """Whether far more came than a message may have; then it has a fault, and need not be read on."""
        return not self.complete and self._taken > 2 * self._limit + _SLACK

    def feed(self, data: bytes) -> bytes:
        """Take ``data``, give what is now whole lines; at the end ``complete`` is true, ``rest`` what came behind."""
        self._taken += len(data)
        data = self._held + data
        end = self._end_of(data)
        if end is not None:
            self.complete = True
            self.rest = data[end + 3 :]
            self._held = b""
            return self._lines(data[:end])
        # What follows the last CRLF is kept: it may be the beginning of the dot line, or of a line not yet whole.
        last = data.rfind(b"\r\n")
        if last < 0:
            self._hold(data)
            return b""
        cut = last + 2
        lines = self._lines(data[:cut])
        self._inside_line = False
        self._hold(data[cut:])
        return lines

    def _end_of(self, data: bytes) -> int | None:
        """Give where the dot line begins."""
        if not self._inside_line and data.startswith(_END[2:]):
            return 0
        found = data.find(_END)
        return None if found < 0 else found + 2

    def _hold(self, tail: bytes) -> None:
        """Keep the beginning of a line, but not one of any length: of a line too long only a CR at its end matters."""
        if len(tail) > self._line_limit + 2 or (self._inside_line and tail):
            self._fail(Fault.LONG_LINE)
            self._inside_line = True
            tail = tail[-1:] if tail.endswith(b"\r") else b""
        self._held = tail

    def _lines(self, lines: bytes) -> bytes:
        """Check and unstuff whole lines."""
        if not lines or self.fault is not None:
            return b""
        # Without its CRLFs a message has no CR and no LF; this and searching is what bytes do fastest.
        joined = lines.replace(b"\r\n", b"")
        if b"\r" in joined or b"\n" in joined:
            self._fail(Fault.BARE_NEWLINE)
        if b"\0" in joined:
            self._fail(Fault.NUL)
        lines = (lines[1:] if lines.startswith(b".") else lines).replace(b"\r\n.", b"\r\n")
        self.size += len(lines)
        if self.size > self._limit:
            self._fail(Fault.TOO_LARGE)
        if _has_long_line(lines, self._line_limit):
            self._fail(Fault.LONG_LINE)
        return b"" if self.fault is not None else lines

    def _fail(self, fault: Fault) -> None:
        if self.fault is None:
            self.fault = fault


def _has_long_line(lines: bytes, limit: int) -> bool:
    """Say whether a line has more than ``limit`` bytes without its CRLF, looking at a fraction of them."""
    begin = 0
    while len(lines) - begin > limit + 2:
        end = lines.rfind(b"\n", begin, begin + limit + 2)
        if end < 0:
            return True
        begin = end + 1
    return False
