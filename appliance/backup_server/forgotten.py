"""Sections that were removed with their units when somebody was forgotten: their hashes, so that nobody misses them.

May live here: that list. May not: removing (``forget``), what a verify makes of it. An index is signed and goes on
naming them; a hash, with salt in it, says nothing about whose it was. A section that is there all the same counts: an
account that lives on is in the next snapshot again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from appliance.backup_server.kept_file import write_kept

_NAME = "forgotten"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def forgotten(place: Path) -> frozenset[str]:
    """The hashes, in the store ``place`` of a school; a line that a power cut left half is none. Raises ``OSError``."""
    try:
        lines = (place / _NAME).read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return frozenset()
    return frozenset(line for line in lines if _DIGEST.fullmatch(line))


def add(place: Path, hashes: Iterable[str]) -> None:
    """Note them, on the disk when this returns: before anything is removed. Raises ``OSError``."""
    before = forgotten(place)
    if new := set(hashes) - before:
        _write(place, before | new)


def prune(place: Path, known: Collection[str]) -> None:
    """Keep only those that an index still names: ``known``. Raises ``OSError``."""
    before = forgotten(place)
    if gone := before - set(known):
        _write(place, before - gone)


def _write(place: Path, hashes: Iterable[str]) -> None:
    write_kept(place / _NAME, "".join(f"{one}\n" for one in sorted(hashes)).encode(), 0o440)
