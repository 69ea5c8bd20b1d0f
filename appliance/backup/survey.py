"""All units of this machine against one snapshot over there: what is in them, what is to be sent, what became of it.

May live here: the sections of all units, and looking again at what was sent. May not: sending.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from appliance.backup.cache import NEVER, Cache, Known, Lines
from appliance.backup.delta import Base, to_send
from appliance.backup.in_two import in_two
from appliance.backup.intent import Part
from appliance.backup.scan import stamp
from appliance.backup.sections import Folders, Left, Looking, keep, look, looked_at, rooted, sly, unsteady
from appliance.backup.units import Unit, units
from appliance.backup_server.lines import UNSTEADY
from appliance.daemon.descriptors import FOLDER, opened

_KEPT_EVERY: Final = 60.0
_UNSTEADY: Final = f" {UNSTEADY} ".encode()

Paths = dict[Unit, list[bytes]]
"""Paths below their units."""

_Looks = Iterator[tuple[tuple[Part, Unit], tuple[Known | None, Left]]]


@dataclass(slots=True)
class Survey:
    """``parts`` as the ``cache`` knows them and as they are; ``tell(done, total)`` counts units that are looked at.

    ``resumed``: what an interrupted run has sent waits over there.

    ``units``: what is known of each once it was looked at; ``left``: what cannot be read; ``gone``: files that went
    away between the look and the end.
    """

    parts: Sequence[Part]
    cache: Cache
    tell: Callable[[int, int], None] = lambda _done, _total: None
    resumed: bool = False
    units: dict[Unit, Known] = field(default_factory=dict)
    left: Left = field(default_factory=Left)
    gone: int = 0
    _looking: Looking = field(init=False)

    def __post_init__(self) -> None:
        """Begin now: what changed shortly before is looked at again."""
        self._looking = Looking(self.cache, time.time_ns(), self.left, self.resumed)

    def look(self) -> None:
        """Look at every unit; raises :class:`BackupError` for a part that is not there, ``OSError`` for our own disk.

        What was known is kept on the way, so that who is interrupted reads no file a second time.
        """
        before = self.cache.read()
        here: list[tuple[Part, Unit]] = []
        for part in self.parts:
            found, strange = units(part)
            here += [(part, unit) for unit in found]
            self.left.paths += [(part.name, b"", 0)] * strange
        try:
            with contextlib.ExitStack() as stack:
                folders = {part.name: stack.enter_context(_opened(part.folder)) for part in self.parts}

                def work(one: tuple[Part, Unit]) -> tuple[Known | None, Left]:
                    part, unit = one
                    return self._look(folders[part.name], part, unit, before.get(unit))

                self._gather(stack.enter_context(contextlib.closing(in_two(work, here))), len(here), before)
        except BaseException:
            self.cache.note({**before, **self.units})
            raise
        self.units = dict(sorted(self.units.items()))
        self.cache.write(self.units)

    def _gather(self, looks: _Looks, total: int, before: Mapping[Unit, Known]) -> None:
        kept = time.monotonic()
        for done, ((_, unit), (known, left)) in enumerate(looks, 1):
            self.left.paths += left.paths
            if known is not None:
                self.units[unit] = known
            self.tell(done, total)
            if time.monotonic() - kept > _KEPT_EVERY:
                self.cache.note({**before, **self.units})
                kept = time.monotonic()

    def _look(self, folder: int, part: Part, unit: Unit, before: Known | None) -> tuple[Known | None, Left]:
        """A unit that cannot be looked at stays as it was: nothing of it may be lost over there."""
        left = Left()
        try:
            return look(folder, unit, part.without, before, replace(self._looking, left=left)), left
        except OSError as error:
            if not isinstance(error, PermissionError) and not _of_the_unit(folder, unit):
                raise
            return before, Left([(unit.part, unit.inside(b"."), error.errno or 0)])

    def lacking(self, base: Base) -> Paths:
        """What the snapshot ``base`` lacks of each unit that is not the same there."""
        found: Paths = {}
        for unit, known in list(self.units.items()):
            missing = base.missing.get(unit, frozenset())
            if known.section == base.sections.get(unit) and not missing:
                continue
            section = self.cache.section(known.section)
            if section is not None:
                before = base.sections.get(unit)
                paths = to_send(section, None if before is None else self.cache.section(before), missing)
                found[unit] = list(paths)
        return found

    def settled(self, sent: Paths, last: bool = False) -> Paths:
        """Look again at what was ``sent``; gives what changed meanwhile and is to be sent again.

        What is gone is in no section any more. With ``last`` nothing is sent again: what changed is marked as such.
        """
        again: Paths = {}
        by_part = {part.name: part for part in self.parts}
        for unit, paths in sent.items():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), _unit(by_part[unit.part], unit) as folder:
                changed = self._settle(folder, unit, paths, last)
                if changed:
                    again[unit] = changed
                continue
            self.gone += self.units.pop(unit).lines
        return again

    def unsettled(self, sent: Paths) -> int:
        """How many files of the units of ``sent`` never held still: they are copied, but cannot be compared."""
        sections = (self.cache.section(self.units[unit].section) for unit in sent if unit in self.units)
        return sum(_is_unsteady(line) for section in sections if section for line in section.lines)

    def _settle(self, folder: int, unit: Unit, paths: Sequence[bytes], last: bool) -> list[bytes]:
        known = self.units[unit]
        lines = self.cache.some(unit, known, {*paths, *(above for path in paths for above in _above(path))})
        if not lines:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        moved = [path for path in _moved(folder, paths, lines) if path in lines]
        now = looked_at(folder, unit, moved, self._looking)
        changed = [path for path in now if now[path][1] != lines[path][1]]
        lost = changed if last else [path for path in changed if sly(lines[path][1], now[path][1])]
        now.update({path: (NEVER, unsteady(now[path][1])) for path in lost})
        strayed = [
            path for path in paths if _wavers(now.get(path) or lines.get(path)) and _led_astray(folder, path, lines)
        ]
        for path in strayed:
            now.pop(path, None)
            self.left.paths.append((unit.part, unit.inside(path), errno.EBUSY))
        gone = [path for path in {*moved, *strayed} if path in lines and path not in now]
        if now or gone:
            lines = self.cache.lines(unit, known)
            lines.update(now)
            for path in gone:
                del lines[path]
            whole = rooted(lines) if gone else lines
            self.gone += known.lines - len(whole)
            self.units[unit] = keep(unit, whole, known.salt, "" if changed or gone else known.digest, self.cache)
        return [path for path in changed if path not in {*lost, *strayed}]


def inside(paths: Mapping[Unit, Sequence[bytes]], part: str) -> Iterator[bytes]:
    """Those of ``paths`` that are of ``part``, below that part."""
    for unit, here in paths.items():
        if unit.part == part:
            yield from map(unit.inside, here)


def _wavers(known: tuple[bytes, bytes] | None) -> bool:
    """Whether nothing says what is in this file."""
    return known is not None and _is_unsteady(known[1])


def _is_unsteady(line: bytes) -> bool:
    return _UNSTEADY in line and line.split(b" ", 7)[6] == UNSTEADY.encode()


def _led_astray(folder: int, path: bytes, lines: Lines) -> bool:
    """Whether a folder above the one of ``path`` changed: a link may have stood there while rsync went by it.

    Then it may have sent a file of somebody else's, which no hash would tell from this person's own.
    """
    return any(True for _ in _moved(folder, list(_above(path)), lines))


def _above(path: bytes) -> Iterator[bytes]:
    folder = path.rpartition(b"/")[0]
    while folder:
        folder = folder.rpartition(b"/")[0]
        yield folder or b"."


def _moved(folder: int, paths: Sequence[bytes], lines: Lines) -> Iterator[bytes]:
    """The paths whose files are not those of their lines any more, or too young to tell."""
    with Folders(folder) as folders:
        for path in paths:
            above, _, name = path.rpartition(b"/")
            try:
                now = os.stat(name, dir_fd=folders.of(above), follow_symlinks=False)
            except OSError:
                yield path
                continue
            if path in lines and stamp(now) != lines[path][0]:
                yield path


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, FOLDER)
    except FileNotFoundError:  # a part that is one unit, and that there may be or not
        yield -1
        return
    with opened(descriptor):
        yield descriptor


@contextlib.contextmanager
def _unit(part: Part, unit: Unit) -> Iterator[int]:
    with _opened(part.folder) as folder, opened(os.open(unit.name, FOLDER, dir_fd=folder)) as inner:
        yield inner


def _of_the_unit(folder: int, unit: Unit) -> bool:
    """Whether it is this unit that cannot be opened, and not our own disk that takes nothing."""
    try:
        with opened(os.open(unit.name, FOLDER, dir_fd=folder)) as inner:
            os.scandir(inner).close()
    except OSError:
        return True
    return False
