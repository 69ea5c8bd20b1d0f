"""A folder of folders, each of which belongs to a numeric id: homes to accounts, group folders to groups (K05).

May live here: how one is made, renamed when its group has another name now, put aside when its id is gone, and found
again. May not: modes and owners (``homes``, ``groups``), what lies in it, who is gone. The id is the truth, but a
number alone never opens one person's files to another: a home stays with its login. Nothing is deleted here but what
was thrown away before: putting aside is a rename within the same folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, opened
from appliance.privileged import acl, removing
from appliance.privileged.folders import MAKING, make_whole, names_in

_RESTORING = ".restoring-"  # made by the backup, whose process ends with ours
_NEVER = -1
_FORMER = re.compile(r"\.former-(\d{8})-(\d{1,10})-([A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)


class HomeError(Exception):
    """A folder cannot be made or moved; the text says why and what to do, and names nobody."""


@dataclass(frozen=True, slots=True)
class Former:
    """A folder put aside on ``day`` (UTC); ``number`` is the id that it belonged to, 0 where we are not root."""

    name: str
    number: int
    day: date

    @property
    def hidden(self) -> str:
        """What it is called on the disk."""
        return f".former-{self.day:%Y%m%d}-{self.number}-{self.name}"

    @classmethod
    def read(cls, name: str) -> Former | None:
        """Give what the ``name`` on the disk means; ``None`` if it is no such."""
        found = _FORMER.fullmatch(name)
        try:
            return None if found is None else cls(found[3], int(found[2]), datetime.strptime(found[1], "%Y%m%d").date())
        except ValueError:
            return None


class Shelf:
    """The folder ``path``; calls must not overlap. Only root can give a folder to somebody else.

    ``number_of`` tells from its status whose folder one is; without root all are ours, and names alone count. What
    belongs to a number that is not one of ``ours(number)`` is the system's own and left alone.
    """

    follows = False
    """Whether a folder goes with its number to another name."""

    def __init__(
        self,
        path: Path,
        number_of: Callable[[os.stat_result], int],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.root = os.geteuid() == 0
        self._path = path
        self._number_of = number_of
        self._clock = clock
        self.ours: Callable[[int], bool] = lambda number: number > 0
        self._index: dict[int, set[str]] = {}
        self._indexed = _NEVER

    def settle(self, name: str, number: int, own: Callable[[int], None], was: str | None = None) -> bool:
        """Let ``name`` be the folder of ``number``; whether it had none. ``own`` gives an open one to its owner.

        What stands there for another id is put aside; one put aside under the same name and id comes back, or under the
        name that it ``was``. One of this id that stands under another name comes here if it follows its number, else it
        is put aside. Raises :class:`HomeError` where that must not be, ``OSError`` from the disk.
        """
        with self._opened() as folder:
            whose = self._whose(name, folder)
            if whose == 0 and self.root:
                raise HomeError("a folder of the system's own stands in its place and belongs to no id; remove it")
            if whose is not None and whose != self._own(number):
                self._aside(name, whose, folder)
                whose = None
            if self.root and not self.follows:
                for other in self._names_of(number, folder) - {name}:
                    if not other.startswith("."):
                        self._aside(other, number, folder)
            before = name if whose is not None else self._elsewhere({name, was or name}, number, folder)
            if before is None:
                make_whole(name, folder, own)
            else:
                with opened(os.open(before, FOLDER, dir_fd=folder)) as there:
                    own(there)
                    os.fsync(there)
                if before != name:
                    os.rename(before, name, src_dir_fd=folder, dst_dir_fd=folder)
                    os.fsync(folder)
            self._note(number, before, name, folder)
            return before is None

    def put_aside(self, name: str, number: int) -> bool:
        """Put the folder ``name`` aside; ``False`` if there is none of ``number``. Raises ``OSError``."""
        with self._opened() as folder:
            if self._whose(name, folder) != self._own(number) or (self.root and number == 0):
                return False
            self._aside(name, self._own(number), folder)
            return True

    def whose(self, name: str) -> int | None:
        """Give the id of the folder ``name``, 0 as :meth:`standing` does; ``None``: there is none.

        Raises :class:`HomeError` if something else is called so, ``OSError`` from the disk.
        """
        with self._opened() as folder:
            return self._whose(name, folder)

    def standing(self) -> Mapping[str, int]:
        """Give the id of each folder that stands under its name, 0 for the system's own and, without root, for all."""
        with self._opened() as folder, os.scandir(folder) as entries:
            return {
                entry.name: self._number(entry.stat(follow_symlinks=False))
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            }

    def former(self) -> Sequence[Former]:
        """Give those put aside."""
        with self._opened() as folder:
            return [found for found in map(Former.read, names_in(folder)) if found is not None]

    def others(self, name: str, number: int) -> Sequence[str]:
        """Give what the other folders of ``number`` are, or were, called than the one put aside as ``name``."""
        with self._opened() as folder:
            names = names_in(folder)
            standing = [one for one in names if not one.startswith(".")]
            called = [one for one in standing if number in (0, self._number_of(_status(one, folder)))]
        former = [one for one in map(Former.read, names) if one is not None]
        return called + [one.name for one in former if one.number == number and one.name != name]

    def throw_away(self, former: Former) -> bool:
        """Give one put aside up for good: :meth:`empty` deletes it; ``False`` if there is none. Raises ``OSError``."""
        with self._opened() as folder:
            return removing.throw_away(former.hidden, folder) is not None

    def remove(self, name: str) -> bool:
        """Delete the folder ``name`` with all that is in it; whether there was one. Raises ``OSError``.

        It is gone under its name at once; :meth:`sweep` finishes what a power cut leaves.
        """
        with self._opened() as folder:
            trash = removing.throw_away(name, folder)
            if trash is not None:
                removing.delete(trash, folder, self.root)
            return trash is not None

    def empty(self) -> int:
        """Delete what was thrown away; how many could not be deleted. This may overlap with other calls."""
        return self._delete((removing.REMOVED,))

    def sweep(self) -> int:
        """Delete what was thrown away, or left half made, before we began; how many could not be deleted."""
        with self._opened() as folder:
            for one in filter(None, map(Former.read, names_in(folder))):
                with opened(os.open(one.hidden, FOLDER, dir_fd=folder)) as there:
                    self._seize(there)  # a power cut may have come between the rename and this
        return self._delete((removing.REMOVED, MAKING, _RESTORING))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        with opened(os.open(self._path, FOLDER)) as folder:
            if os.fstat(folder).st_mtime_ns != self._indexed:
                self._indexed = _NEVER  # somebody else was here
            yield folder

    def _delete(self, beginnings: tuple[str, ...]) -> int:
        failed = 0
        with self._opened() as folder:
            for name in names_in(folder):
                if name.startswith(beginnings):
                    try:
                        removing.delete(name, folder, self.root)
                    except OSError:
                        failed += 1
        return failed

    def _own(self, number: int) -> int:
        return number if self.root else 0

    def _number(self, found: os.stat_result) -> int:
        number = self._own(self._number_of(found))
        return number if self.ours(number) else 0

    def _whose(self, name: str, folder: int) -> int | None:
        """The id of the folder ``name``; ``None``: nothing is called so."""
        try:
            found = _status(name, folder)
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(found.st_mode):
            raise HomeError("something that is no folder stands in its place; remove it")
        return self._number(found)

    def _elsewhere(self, names: Collection[str], number: int, folder: int) -> str | None:
        """What the folder of ``number`` is called on the disk, if there is one that was called one of ``names``."""
        known = self._names_of(number, folder) if self.root else set(names_in(folder))
        if self.root and self.follows:
            for name in sorted(known):
                if not name.startswith("."):
                    return name
        former = [one for one in map(Former.read, known) if one is not None and one.name in names]
        return max(former, key=lambda one: (one.day, one.hidden)).hidden if former else None

    def _names_of(self, number: int, folder: int) -> set[str]:
        """What the folders of ``number`` are called on the disk.

        Looking at thousands for each that is made would take minutes: what was seen holds as long as nobody but us has
        changed the folder.
        """
        if self._indexed == _NEVER:
            self._index = {}
            names = [*self.standing().items(), *((one.hidden, one.number) for one in self.former())]
            for name, whose in names:
                self._index.setdefault(whose, set()).add(name)
            self._indexed = os.fstat(folder).st_mtime_ns
        return self._index.get(number, set())

    def _note(self, number: int, before: str | None, name: str, folder: int) -> None:
        if self._indexed != _NEVER:
            self._index[number] = self._index.get(number, set()) - {before} | {name}
            self._indexed = os.fstat(folder).st_mtime_ns

    def _aside(self, name: str, number: int, folder: int) -> None:
        hidden = Former(name, number, self._clock().date()).hidden
        os.rename(name, hidden, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
        with opened(os.open(hidden, FOLDER, dir_fd=folder)) as there:
            self._seize(there)
            os.fsync(there)
        self._note(number, name, hidden, folder)

    def _seize(self, folder: int) -> None:
        if self.root:
            os.fchown(folder, 0, 0)
        acl.forget(folder)
        os.fchmod(folder, 0o700)


def _status(name: str, folder: int) -> os.stat_result:
    return os.stat(name, dir_fd=folder, follow_symlinks=False)
