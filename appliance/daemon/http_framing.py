"""Where a body ends (RFC 9112, 6 and 7): said by its head, found in its bytes as they arrive.

May live here: lengths and chunks, pure. May not: limits, sockets. Two ways to tell the end of one body are one too many
and are refused; chunk extensions and trailers are read and dropped.
"""

from __future__ import annotations

import re
from typing import Protocol

from appliance.daemon.http_head import BadHead, RequestHead, ResponseHead, is_field

_DIGITS_MAX = 18
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_NEXT = re.compile(rb"\r\n([1-9A-Fa-f][0-9A-Fa-f]{0,14})\r\n")
_PART = re.compile(r"bytes [0-9]{1,18}-[0-9]{1,18}/([0-9]{1,18})", re.ASCII | re.IGNORECASE)
_LINE_MAX = 1024
_TRAILER_MAX = 8 * 1024


class BadBody(ValueError):
    """The body is not framed as its head says."""


class Body(Protocol):
    """A body that arrives piece by piece. ``length`` is known or ``None``; ``done`` once its last byte was fed."""

    length: int | None
    chunked: bool
    done: bool
    rest: bytes

    def feed(self, data: bytes) -> bytes:
        """Give the bytes of the body in ``data``; what lies beyond its end goes to ``rest``. Raises BadBody."""
        ...


class Counted:
    """A body of ``length`` bytes."""

    __slots__ = ("_left", "done", "length", "rest")
    chunked = False

    def __init__(self, length: int) -> None:
        self.length: int | None = length
        self.done = length == 0
        self.rest = b""
        self._left = length

    def feed(self, data: bytes) -> bytes:
        """As in :class:`Body`."""
        part = data[: self._left]
        self._left -= len(part)
        if not self._left:
            self.rest += data[len(part) :]
            self.done = True
        return part


class UntilClose:
    """A body that ends with its connection: it is never ``done`` by itself."""

    __slots__ = ("done", "length", "rest")
    chunked = False

    def __init__(self) -> None:
        self.length: int | None = None
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """As in :class:`Body`."""
        return data


class Chunked:
    """A body in chunks (RFC 9112, 7.1); all that came of chunks at once is given together."""

    __slots__ = ("_expected", "_left", "_line", "_trailer", "done", "length", "rest")
    chunked = True

    def __init__(self) -> None:
        self.length: int | None = None
        self.done = False
        self.rest = b""
        self._left = 0  # bytes of the present chunk that are still to come
        self._line = b""  # the beginning of a line that is still to come, never longer than _LINE_MAX
        self._expected = "size"  # what the next line is; "end" as long as the present chunk lasts
        self._trailer = 0

    def feed(self, data: bytes) -> bytes:
        """As in :class:`Body`."""
        pieces = []
        start, size = 0, len(data)
        while start < size and not self.done:
            if self._left:
                piece = data[start : start + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                start += len(piece)
                # The usual end of one chunk and beginning of the next; all else goes line by line.
                while not self._left and (found := _NEXT.match(data, start)):
                    start = found.end()
                    left = int(found[1], 16)
                    piece = data[start : start + left]
                    pieces.append(piece)
                    self._left = left - len(piece)
                    start += len(piece)
            else:
                start = self._line_at(data, start)
        if start < size:
            self.rest += data[start:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _line_at(self, data: bytes, start: int) -> int:
        """Read the line at ``start``, as far as it is there; give where it ends."""
        end = data.find(b"\n", start, start + _LINE_MAX + 2)
        self._line += data[start : start + _LINE_MAX + 2 if end < 0 else end]
        if len(self._line) > _LINE_MAX:
            raise BadBody("a line between chunks is too long")
        if end < 0:
            return len(data)
        if not self._line.endswith(b"\r"):
            raise BadBody("a line between chunks ends with a bare LF")
        line, self._line = self._line[:-1], b""
        self._take(line)
        return end + 1

    def _take(self, line: bytes) -> None:
        if self._expected == "end":
            if line:
                raise BadBody("a chunk is longer than it says")
            self._expected = "size"
        elif self._expected == "size":
            found = _SIZE.fullmatch(line)
            if found is None:
                raise BadBody("a chunk has no size")
            self._left = int(found[1], 16)
            self._expected = "end" if self._left else "trailer"
        elif not line:
            self.done = True
        else:
            self._trailer += len(line)
            if self._trailer > _TRAILER_MAX:
                raise BadBody("the trailer is too long")
            if not is_field(line):
                raise BadBody("a line of the trailer is no field")


def request_body(head: RequestHead) -> Body:
    """Give the body that follows the head of a request; raises :class:`BadHead`."""
    body = _told(head)
    if body is not None and body.chunked and head.minor == 0:
        raise BadHead("chunks in HTTP/1.0")
    return Counted(0) if body is None else body


def response_body(method: str, head: ResponseHead) -> Body:
    """Give the body that follows the head of a final response to ``method``; raises :class:`BadHead`."""
    told = _told(head)
    if method == "HEAD" or head.status in (204, 304):
        return Counted(0)
    return UntilClose() if told is None else told


def whole_size(head: ResponseHead, body: Body) -> int | None:
    """Give how large all is of which ``body`` is the whole or a part (RFC 9110, 14.4); ``None`` when nobody says."""
    if head.status != 206 or body.length == 0:
        return body.length
    parts = head.values("content-range")
    sizes = [int(found[1]) for part in parts if (found := _PART.fullmatch(part))]
    return max([*sizes, *([] if body.length is None else [body.length])], default=None)


def _told(head: RequestHead | ResponseHead) -> Body | None:
    near = head.near
    codings, lengths = near.get("transfer-encoding"), near.get("content-length")
    if codings:
        if lengths:
            raise BadHead("both Transfer-Encoding and Content-Length")
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise BadHead("a transfer coding other than chunked", 501)
        return Chunked()
    if lengths:
        length = lengths[0]
        if len(lengths) > 1 or len(length) > _DIGITS_MAX or not (length.isascii() and length.isdecimal()):
            raise BadHead("a Content-Length that is no number")
        return Counted(int(length))
    return None
