"""A keytab as bytes: the format that MIT and Heimdal read (version 0x0502, "Keytab file format" of MIT krb5). Pure.

May live here: the format. May not: where keys come from (``keytabs``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_VERSION: Final = b"\x05\x02"
_SERVICE: Final = 2
"""The type of a service's name (RFC 4120, 6.2: KRB_NT_SRV_INST); readers do not look at it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: ``kind`` is the number of its encryption (RFC 3962: 17, 18), ``version`` its number, from 1."""

    kind: int
    version: int
    value: bytes


def keytab(realm: str, names: Iterable[str], keys: Iterable[Key]) -> bytes:
    """Give the file that has each of ``keys`` for each of ``names`` (``imap/server.schule.example``)."""
    keys = tuple(keys)
    return _VERSION + b"".join(_entry(realm, name, key) for name in names for key in keys)


def _entry(realm: str, name: str, key: Key) -> bytes:
    parts = name.split("/")
    content = b"".join(
        (
            struct.pack(">H", len(parts)),
            *map(_counted, (realm.encode(), *(part.encode() for part in parts))),
            struct.pack(">IIBH", _SERVICE, 0, key.version & 0xFF, key.kind),
            _counted(key.value),
            struct.pack(">I", key.version),
        )
    )
    return struct.pack(">i", len(content)) + content


def _counted(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text
