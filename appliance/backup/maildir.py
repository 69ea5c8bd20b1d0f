"""Which paths of a mailbox are messages, and of which folder (Maildir++, as Dovecot keeps it). Pure.

May live here: names. May not: the disk. Folders lie beside the inbox, ``.Projekte.2026`` for Projekte/2026, with
letters beyond ASCII in modified UTF-7 (RFC 3501, 5.1.3).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

INBOX: Final = ("INBOX",)

_MAILS: Final = (b"new", b"cur")
_ENCODED: Final = re.compile(r"&([A-Za-z0-9+,]*)-")
_KEPT: Final = "DFPRS"  # draft, flagged, passed on, replied, seen


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the mail folder ``folder``, one name for each level; ``name`` is that of its file."""

    folder: tuple[str, ...]
    name: bytes


def message(path: bytes) -> Message | None:
    """What lies at ``path`` of a mailbox; ``None`` if it is no message."""
    parts = path.split(b"/")
    if len(parts) == 2 and parts[0] in _MAILS:
        return Message(INBOX, parts[1])
    if len(parts) == 3 and parts[1] in _MAILS and parts[0].startswith(b".") and parts[0] != b".":
        return Message(tuple(map(shown, parts[0][1:].split(b"."))), parts[2])
    return None


def shown(name: bytes) -> str:
    """A folder's name as its owner sees it."""
    try:
        text = name.decode("ascii")
    except UnicodeDecodeError:
        return name.decode("utf-8", "surrogateescape")
    try:
        return _ENCODED.sub(lambda found: _decoded(found[1]), text)
    except (binascii.Error, UnicodeDecodeError):
        return text


def restored(name: bytes, taken: set[bytes]) -> bytes:
    """Call a message's file in the new folder: with its size and flags, and other than those ``taken``.

    Deleted it is no more. Letters for keywords are left out: they mean something else in each folder.
    """
    base, _, flags = name.partition(b":2,")
    kept = "".join(sorted(set(flags.decode("ascii", "replace")) & set(_KEPT)))
    first, comma, rest = base.partition(b",")
    number = 1
    while base in taken:
        number += 1
        base = first + b"_%d" % number + comma + rest
    taken.add(base)
    return base + b":2," + kept.encode()


def _decoded(text: str) -> str:
    if not text:
        return "&"
    raw = text.replace(",", "/")
    return base64.b64decode(raw + "=" * (-len(raw) % 4)).decode("utf-16-be")
