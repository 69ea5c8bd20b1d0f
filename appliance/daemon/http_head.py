"""Reading the head of a request or response: a strict check of its bytes (RFC 9112), then its parts.

May live here: grammar, pure. May not: what a head means (``http_framing``, services), a socket, a decision. What two
programs could read in two ways is refused: bare CR or LF, folded lines, space around a name, control characters, two
Hosts. Who passes a request on writes its head anew: nothing of the bytes goes upstream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_MAX = 32 * 1024
"""Longest head in bytes, its empty line included."""
_TARGET_MAX = 8 * 1024
_FIELDS_MAX = 100

_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}):([\t\x20-\x7e\x80-\xff]*)")
_REQUEST = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")

Field = tuple[str, str, str]
"""Name in lower case, name as sent, value (latin-1, without white space around it)."""


class BadHead(ValueError):
    """The head cannot be served; ``status`` is the reply to a client that sent it (RFC 9110, 15.5)."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestHead:
    """``method``, ``target`` as sent, HTTP/1.``minor``, fields in their order."""

    method: str
    target: str
    minor: int
    fields: tuple[Field, ...]

    def values(self, key: str) -> list[str]:
        """The values of the fields called ``key`` (lower case)."""
        return [value for name, _, value in self.fields if name == key]


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """HTTP/1.``minor``, ``status`` from 100 to 999, its ``phrase``, fields in their order."""

    minor: int
    status: int
    phrase: str
    fields: tuple[Field, ...]

    def values(self, key: str) -> list[str]:
        """The values of the fields called ``key`` (lower case)."""
        return [value for name, _, value in self.fields if name == key]


def cut_head(buffer: bytearray) -> bytes | None:
    """Take a head with its empty line out of the front of ``buffer``; ``None`` while it is not there as a whole.

    Raises :class:`BadHead` as soon as it cannot become one: too long, or a line that ends with a bare LF.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        part = bytes(buffer)
        if part.count(b"\n") != part.count(b"\r\n"):
            raise BadHead("a line ends with a bare LF")
        if len(part) >= HEAD_MAX:
            raise BadHead("the head is too long", 431)
        return None
    if end + 4 > HEAD_MAX:
        raise BadHead("the head is too long", 431)
    head = bytes(buffer[: end + 4])
    del buffer[: end + 4]
    return head


def request_head(head: bytes) -> RequestHead:
    """Read the head of a request, its empty line included; raises :class:`BadHead`."""
    line, fields = _parts(head)
    found = _REQUEST.fullmatch(line)
    if found is None:
        raise BadHead("the first line is not that of a request")
    method, target, major, minor = found.groups()
    if major != b"1":
        raise BadHead("another version of HTTP", 505)
    if len(target) > _TARGET_MAX:
        raise BadHead("the target is too long", 414)
    hosts = sum(1 for key, _, _ in fields if key == "host")
    if hosts > 1 or (hosts == 0 and minor != b"0"):
        raise BadHead("there must be one Host")  # RFC 9112, 3.2
    return RequestHead(method.decode(), target.decode(), min(int(minor), 1), fields)


def response_head(head: bytes) -> ResponseHead:
    """Read the head of a response, its empty line included; raises :class:`BadHead`."""
    line, fields = _parts(head)
    found = _STATUS.fullmatch(line)
    if found is None:
        raise BadHead("the first line is not that of a response")
    return ResponseHead(int(found[1]), int(found[2]), (found[3] or b"").decode("latin-1").strip(), fields)


def _parts(head: bytes) -> tuple[bytes, tuple[Field, ...]]:
    lines = head.split(b"\r\n")
    if lines[-2:] != [b"", b""]:
        raise BadHead("the head does not end with an empty line")
    if len(lines) - 3 > _FIELDS_MAX:
        raise BadHead("too many fields", 431)
    fields = []
    for line in lines[1:-2]:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadHead("a line is no field")
        name = found[1].decode("ascii")
        fields.append((name.lower(), name, found[2].decode("latin-1").strip(" \t")))
    return lines[0], tuple(fields)
