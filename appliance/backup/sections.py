"""A unit's section: made of what was known, and of a look at each file that changed since.

May live here: which line is believed, and which file is read. May not: what is sent, and when.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.backup.cache import NEVER, Cache, Known, Lines
from appliance.backup.scan import Scanned, Without, changed_at, scan, stamp
from appliance.backup.units import Unit
from appliance.backup_server.lines import UNSTEADY, line_of_living
from appliance.backup_server.manifest import Entry, Section
from appliance.daemon.descriptors import FOLDER, opened
from appliance.daemon.walking import GONE

_YOUNG: Final = 2_000_000_000
"""Nanoseconds: what changed so short before it was looked at may change again without a new change time."""

_SALT_BYTES: Final = 16


@dataclass(slots=True)
class Left:
    """What could not be looked at: the paths below their parts, with the number of the system's error."""

    paths: list[tuple[str, bytes, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Looking:
    """How units are looked at: ``began`` in ns since 1970; ``resumed``: what was sent before waits over there."""

    cache: Cache
    began: int
    left: Left
    resumed: bool = False


def look(part: int, unit: Unit, without: Without, known: Known | None, looking: Looking) -> Known | None:
    """Look through a ``unit`` of the open folder ``part``; its section is on the disk then.

    Gives ``None`` if it is gone. Raises ``OSError`` if it cannot be looked at, or for the disk of sections.
    """
    try:
        descriptor = os.open(unit.name, FOLDER, dir_fd=part)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
    with opened(descriptor) as folder:
        found = scan(folder, without)
        looking.left.paths += [(unit.part, unit.inside(path), why) for path, why in found.left_out.items()]
        now = found.digest.hex()
        if known is not None and known.digest == now and known.uid == unit.uid:
            return known
        before = {} if known is None else looking.cache.lines(unit, known)
        lines, complete = _lines(folder, unit, found, before, looking)
        salt = new_salt() if known is None else known.salt
        return keep(unit, lines, salt, now if complete else "", looking.cache)


def keep(unit: Unit, lines: Lines, salt: str, seen: str, cache: Cache) -> Known:
    """Put the section that these ``lines`` make on the disk; ``seen``: digest of the scan that it is all of."""
    ordered = sorted(lines.items(), key=lambda one: (one[0] != b".", one[0]))
    section = Section(unit.part, unit.name, unit.uid, salt, tuple(line for _, (_, line) in ordered))
    name = cache.keep(section, [of for _, (of, _) in ordered])
    return Known(seen, name, salt, unit.uid, len(ordered))


def looked_at(folder: int, unit: Unit, paths: Iterable[bytes], looking: Looking) -> Lines:
    """The lines of these ``paths`` below the open ``folder`` of the unit as they are now; what is gone has none."""
    found: Lines = {}
    with Folders(folder) as folders:
        for path in paths:
            with contextlib.suppress(_Gone):
                found[path] = _line(folders, unit, path, looking)
    return found


class _Gone(Exception):
    """It is not there any more, or cannot be read, which was noted."""


class Folders:
    """Folders below the open ``top`` by their paths, no symbolic link followed; the last one stays open."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._path: bytes | None = None
        self._open: int | None = None

    def __enter__(self) -> Folders:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def of(self, path: bytes) -> int:
        """The folder at ``path`` (empty: the top), open until the next is asked for; raises ``OSError``."""
        if not path:
            return self._top
        if path != self._path:
            self._close()
            inner = os.dup(self._top)
            for name in path.split(b"/"):
                with opened(inner) as above:
                    inner = os.open(name, FOLDER, dir_fd=above)
            self._path, self._open = path, inner
        assert self._open is not None  # noqa: S101 - it was just opened
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            os.close(self._open)
        self._path = self._open = None


def _lines(folder: int, unit: Unit, found: Scanned, before: Lines, looking: Looking) -> tuple[Lines, bool]:
    """The lines of what was ``found``, and whether the scan tells all about them."""
    lines: Lines = {}
    complete, whole = True, True
    with Folders(folder) as folders:
        for path, seen in zip(found.paths, found.stamps, strict=True):
            old = before.get(path)
            if old is not None and old[0] == seen:
                lines[path] = old
                continue
            try:
                lines[path] = _line(folders, unit, path, looking)
            except _Gone:
                whole = complete = False
                continue
            if looking.resumed and old is not None and sly(old[1], lines[path][1]):
                lines[path] = NEVER, unsteady(lines[path][1])
            complete = complete and lines[path][0] == seen
    return (lines if whole else rooted(lines)), complete


def rooted(lines: Lines) -> Lines:
    """Leave out what lies in no folder, because that went away while it was looked at."""
    folders = {path for path, (_, line) in lines.items() if line.startswith(b"d ")}
    folders.add(b"")
    good: Lines = {}
    for path in sorted(lines):
        above = path.rpartition(b"/")[0]
        if above in folders:
            good[path] = lines[path]
        else:
            folders.discard(path)
    return good


def _line(folders: Folders, unit: Unit, path: bytes, looking: Looking) -> tuple[bytes, bytes]:
    above, _, name = path.rpartition(b"/")
    try:
        entry, seen = line_of_living(folders.of(above), name, path)
    except OSError as error:
        if error.errno not in GONE:
            looking.left.paths.append((unit.part, unit.inside(path), error.errno or errno.EIO))
        raise _Gone from error
    mark = stamp(seen)
    young = changed_at(mark) >= looking.began - _YOUNG or entry.content == UNSTEADY
    return NEVER if young else mark, entry.line()


def sly(before: bytes, now: bytes) -> bool:
    """Whether a file has another content, but the size and time that rsync would know it by, and would not send it."""
    one, other = (line.split(b" ", 7) for line in (before, now))
    return one[0] == other[0] == b"f" and one[4:6] == other[4:6] and one[6] != other[6]


def new_salt() -> str:
    """32 hex digits that nobody can guess: a section's name says nothing about what is in it."""
    return secrets.token_hex(_SALT_BYTES)


def unsteady(line: bytes) -> bytes:
    """The line of a file that is copied, but does not hold still long enough to be compared."""
    entry = Entry.read(line)
    return (replace(entry, content=UNSTEADY) if entry.kind == "f" else entry).line()
