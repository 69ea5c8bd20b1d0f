"""The head of a message: where it ends and what fields it has (RFC 5322).

May live here: bytes to fields. May not: who may write what (``addresses``), what we make of it (``rewrite``), the disk.
Reading is strict, because a head that two programs read differently can show a sender that was never checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header

from appliance.mail.wrong import Wrong

HEAD_LIMIT = 256 * 1024
_MOST_FIELDS = 1000
_MOST_WORDS = 5000

_NAME = re.compile(rb"[!-9;-~]+\Z")
_UNFOLD = re.compile(rb"\r\n(?=[ \t])")
_NEXT = re.compile(rb"\r\n(?![ \t])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=")


class Malformed(Exception):
    """A message or a field that cannot be read in one way only; the text is for tests and never leaves the server.

    ``wrong`` is what the carer is told.
    """

    def __init__(self, text: str, wrong: Wrong) -> None:
        super().__init__(text)
        self.wrong = wrong


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``name`` in lower case, ``value`` unfolded, without the blanks at its ends; ``raw`` as it came."""

    name: str
    value: bytes
    raw: bytes = field(default=b"", compare=False)


def end_of_head(message: bytes | bytearray, start: int = 0) -> int | None:
    """Give the offset behind the empty line after the head, searched from ``start``; ``None``: not there yet."""
    if message.startswith(b"\r\n"):
        return 2
    found = message.find(b"\r\n\r\n", start)
    return None if found < 0 else found + 4


def read_fields(head: bytes) -> tuple[Field, ...]:
    """Give the fields of ``head`` (CRLF lines, with or without the empty one) in their order. Raise :class:`Malformed`.

    Refused: a line without a colon, blanks before the colon, a fold before the first field or of blanks alone, and
    control characters but for tabs, also encoded ones (RFC 2047): some programs act on them, others hide them; and what
    has more fields or encoded words than any program writes: to look at them all would hold up everybody else.
    """
    if head.startswith((b" ", b"\t")):
        raise Malformed("a fold before the first field", Wrong.FIELD)
    if re.search(rb"\r\n[ \t]+(?:\r\n|\Z)", head):
        raise Malformed("a fold of blanks alone", Wrong.FIELD)
    fields: list[Field] = []
    words = 0
    for raw in _NEXT.split(head):
        if not raw:
            continue
        name, colon, value = _UNFOLD.sub(b"", raw).partition(b":")
        if not colon or not _NAME.match(name):
            raise Malformed("a line that is no field", Wrong.FIELD)
        text = as_text(value)
        encoded = _ENCODED_WORD.findall(text)
        words += len(encoded)
        if len(fields) >= _MOST_FIELDS or words > _MOST_WORDS:
            raise Malformed("more than any program writes", Wrong.MUCH)
        if any(_CONTROL.search(shown) for shown in (text, *map(_decoded, encoded))):
            raise Malformed("a control character", Wrong.CONTROL)
        fields.append(Field(name.decode("ascii").lower(), value.strip(), raw))
    return tuple(fields)


def as_text(value: bytes) -> str:
    """Decode the raw ``value`` of a field: UTF-8 (RFC 6532), or else Latin-1, so that every byte is something."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _decoded(word: str) -> str:
    """Decode one encoded word; what cannot be decoded is shown by nobody, or shown as it is."""
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in decode_header(word)
        )
    except (HeaderParseError, LookupError, ValueError):
        return word
