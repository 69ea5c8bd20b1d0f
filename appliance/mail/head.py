"""The head of a message: where it ends, what fields it has, and what we write above it (RFC 5322, RFC 5321 4.4).

May live here: bytes to fields and the lines we add. May not: who may write what (``addresses``), the clock, the disk.
Reading is strict, because a head that two programs read differently can show a sender that was never checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

HEAD_LIMIT = 256 * 1024

_NAME = re.compile(rb"[!-9;-~]+\Z")
_UNFOLD = re.compile(rb"\r\n(?=[ \t])")


class Malformed(Exception):
    """A message or a field that cannot be read in one way only; the text is for tests and never leaves the server."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``name`` in lower case, ``value`` unfolded, without the blanks at its ends."""

    name: str
    value: bytes


def end_of_head(message: bytes | bytearray, start: int = 0) -> int | None:
    """Give the offset behind the empty line after the head, searched from ``start``; ``None``: not there yet."""
    if message.startswith(b"\r\n"):
        return 2
    found = message.find(b"\r\n\r\n", start)
    return None if found < 0 else found + 4


def read_fields(head: bytes) -> tuple[Field, ...]:
    """Give the fields of ``head`` (CRLF lines, with or without the empty one) in their order. Raise :class:`Malformed`.

    Refused: a NUL, a line without a colon, blanks before the colon, a fold before the first field or of blanks alone.
    """
    if b"\0" in head:
        raise Malformed("a NUL in the head")
    if head.startswith((b" ", b"\t")):
        raise Malformed("a fold before the first field")
    if re.search(rb"\r\n[ \t]+(?:\r\n|\Z)", head):
        raise Malformed("a fold of blanks alone")
    fields = []
    for line in _UNFOLD.sub(b"", head).split(b"\r\n"):
        if not line:
            continue
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.match(name):
            raise Malformed("a line that is no field")
        fields.append(Field(name.decode("ascii").lower(), value.strip()))
    return tuple(fields)


@dataclass(frozen=True, slots=True)
class Trace:
    """What we know of how a message came; ``identity`` is our own id of it, the only one that a journal shows.

    Neither the address nor the name of the PC is here: a mail tells where its sender sat to nobody.
    """

    identity: str
    sender: str
    domain: str
    at: datetime
    smtputf8: bool = False


def lines_above(trace: Trace, fields: Sequence[Field]) -> bytes:
    """Give the lines to put above the head: Return-Path, Received, and Date and Message-ID where there are none."""
    names = {field.name for field in fields}
    date = format_datetime(trace.at)
    protocol = "UTF8SMTPSA" if trace.smtputf8 else "ESMTPSA"
    lines = [
        f"Return-Path: <{trace.sender}>",
        f"Received: by {trace.domain} with {protocol} id {trace.identity};",
        f"\t{date}",
    ]
    if "date" not in names:
        lines.append(f"Date: {date}")
    if "message-id" not in names:
        lines.append(f"Message-ID: <{trace.identity}@{trace.domain}>")
    return "".join(f"{line}\r\n" for line in lines).encode()
