"""What programs may show of a sender's field that came from outside (RFC 5322 3.4, RFC 2047). Pure.

May live here: the readings of one field. May not: whose address one is (``inbound``). Programs differ: some decode
words where they must not, some drop comments, some do not. So all readings are given, and what has none is refused; an
address in letters that only look like those of an address has no place in any.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

from appliance.mail.head import Malformed, as_text
from appliance.mail.wrong import Wrong

LONGEST = 2000
"""Bytes of a sender's field; nobody's own is longer."""

_WORD = re.compile(r"=\?([^?*]+)(?:\*[^?]*)?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?)")
_AROUND = re.compile(r" ?([.@]) ?")
_NEAR_AT = re.compile(r'[^\s<>"(),;:]*@[^\s<>"(),;:]*')
_DEEPEST = 5


class Ambiguous(Exception):
    """There is an address in it that looks like another one."""


def readings(value: bytes) -> tuple[str, ...]:
    """Give what ``value`` may be taken for, in lower case. Raise :class:`Malformed` or :class:`Ambiguous`.

    Every word that claims to be encoded must be readable, for a program may read it in its own way and show the rest.
    """
    if len(value) > LONGEST:
        raise Malformed("a sender of any length", Wrong.MUCH)
    text = as_text(value)
    joined = _BETWEEN.sub(r"\1", text)
    decoded, bare = _decoded(joined), _WORD.sub("x", joined)
    if "=?" in bare:
        raise Malformed("an encoded word without an end", Wrong.ENCODED)
    found: list[str] = []
    for reading in (text, decoded, _without_comments(bare)):
        folded = " ".join(unicodedata.normalize("NFKC", reading).replace("\u3002", ".").lower().split())
        found += [folded, _AROUND.sub(r"\1", folded)]
    if any(not near.isascii() for reading in found for near in _NEAR_AT.findall(reading)):
        raise Ambiguous("an address with letters of others")
    return tuple(found)


def _decoded(text: str) -> str:
    """Decode the encoded words; those that follow each other in one charset are one, for a letter may be cut."""
    parts: list[str] = []
    at, charset, held = 0, "", b""
    for word in _WORD.finditer(text):
        if word.start() > at or word[1].lower() != charset:
            parts += [_as(held, charset), text[at : word.start()]]
            held = b""
        charset, at = word[1].lower(), word.end()
        held += _bytes(word[2], word[3])
    return "".join((*parts, _as(held, charset), text[at:]))


def _bytes(kind: str, payload: str) -> bytes:
    try:
        if kind in "qQ":
            return binascii.a2b_qp(payload, header=True)
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("an encoded word that cannot be read", Wrong.ENCODED) from error


def _as(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset or "ascii")
    except (LookupError, UnicodeError, ValueError) as error:
        raise Malformed("an encoded word that cannot be read", Wrong.ENCODED) from error


def _without_comments(text: str) -> str:
    """Leave out comments, and what only quotes: the address as its grammar has it."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for each in text:
        if escaped:
            escaped = False
        elif each == "\\":
            escaped = True
            continue
        elif each == '"' and not depth:
            quoted = not quoted
            continue
        elif not quoted and each in "()":
            depth += 1 if each == "(" else -1
            if not 0 <= depth <= _DEEPEST:
                raise Malformed("comments in comments, or without a beginning", Wrong.SENDER)
            continue
        if not depth and (quoted or each not in "[]"):
            kept.append(each)
    if depth or quoted or escaped:
        raise Malformed("a quote or a comment without an end", Wrong.SENDER)
    return "".join(kept)
