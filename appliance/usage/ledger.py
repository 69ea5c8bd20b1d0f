"""How many bytes an account takes: what was counted on the disk, and what its services added since.

May live here: adding up, and the file of what was counted (the base). May not: counting (``scan``), quotas
(``policy.quota``). Below the ledger's folder: ``base/ledger``, replaced whole by the supervisor, and ``mail/*.delta``,
``files/*.delta``, ``smb/*.delta``, each written by one process. The base remembers with each count how much the deltas
had added by then, so base and deltas make the right sum at any moment, whichever of them is newer.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.whole_file import write_whole
from appliance.usage.delta import FOLDERS, Place
from appliance.usage.table import Shape, Table

_COLUMNS = 4  # mail, files, and what the deltas of each had added when that was counted
_REFRESH = 0.25


@dataclass(frozen=True, slots=True)
class Entry:
    """What was counted for one account: bytes, and the sum of the deltas that are in them already."""

    mail: int
    files: int
    mail_mark: int = 0
    files_mark: int = 0


class Usage:
    """Adds up the ledger in ``folder`` (``<runtime>/usage``). Thread-safe, no locks between processes.

    ``clock`` is in seconds and monotonic: new files are looked for every quarter of a second, numbers are always those
    of this moment. What cannot be read at the moment stays as it was last read.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._guard = threading.Lock()
        self._looked: float | None = None
        self._base: Table | None = None
        self._base_mark: tuple[int, int] | None = None
        self._deltas: dict[tuple[Place, str], dict[str, Table]] = {folder: {} for folder in FOLDERS}

    def of(self, uid: int) -> int:
        """Give the bytes of mail and files of the account ``uid`` together; never below 0."""
        return sum(self.parts(uid))

    def parts(self, uid: int) -> tuple[int, int]:
        """Give the bytes of its mail and of its files."""
        with self._guard:
            self._look()
            mail, files = self._added(uid)
            if self._base is not None:
                get = self._base.get
                mail += get(0, uid) - get(2, uid)
                files += get(1, uid) - get(3, uid)
            return max(mail, 0), max(files, 0)

    def added(self, uid: int) -> tuple[int, int]:
        """Give what the services have added to mail and files since their files were made, whatever was counted."""
        with self._guard:
            self._look()
            return self._added(uid)

    def counted(self, uid: int) -> Entry | None:
        """Give what was counted for the account ``uid``; ``None``: nothing has been counted yet."""
        with self._guard:
            self._look()
            if self._base is None:
                return None
            get = self._base.get
            return Entry(get(0, uid), get(1, uid), get(2, uid), get(3, uid))

    @property
    def known(self) -> bool:
        """Whether there is a base: without one only what was added since the start counts."""
        with self._guard:
            self._look()
            return self._base is not None

    def refresh(self) -> None:
        """Look for new files at the next question: who has just made one sees it at once."""
        with self._guard:
            self._looked = None

    def close(self) -> None:
        """Give the memory back."""
        with self._guard:
            for table in (self._base, *(table for tables in self._deltas.values() for table in tables.values())):
                if table is not None:
                    table.close()
            self._base, self._base_mark, self._deltas = None, None, {folder: {} for folder in FOLDERS}

    def _added(self, uid: int) -> tuple[int, int]:
        mail = files = 0
        for (place, _), tables in self._deltas.items():
            for table in tables.values():
                if place is Place.MAIL:
                    mail += table.get(0, uid)
                else:
                    files += table.get(0, uid)
        return mail, files

    def _look(self) -> None:
        now = self._clock()
        if self._looked is not None and now - self._looked < _REFRESH:
            return
        self._looked = now
        for (_, folder), tables in self._deltas.items():
            self._look_for_deltas(self._folder / folder, tables)
        self._look_for_base(self._folder / "base" / "ledger")

    @staticmethod
    def _look_for_deltas(folder: Path, tables: dict[str, Table]) -> None:
        try:
            names = {path.name for path in folder.iterdir() if path.suffix == ".delta"}
        except FileNotFoundError:
            names = set()
        except OSError:
            return
        for name in names - tables.keys():
            table = _opened(folder / name)
            if table is not None:
                tables[name] = table
        for name in tables.keys() - names:
            tables.pop(name).close()

    def _look_for_base(self, path: Path) -> None:
        try:
            found = path.stat()
        except FileNotFoundError:
            mark = None
        except OSError:
            return
        else:
            mark = (found.st_ino, found.st_mtime_ns)
        if mark == self._base_mark:
            return
        table = None if mark is None else _opened(path)
        if mark is None or table is not None:
            if self._base is not None:
                self._base.close()
            self._base, self._base_mark = table, mark


def write_base(path: Path, entries: Mapping[int, Entry], first: int, last: int, group: int) -> None:
    """Replace the base at ``path``, readable by ``group`` (a numeric id; -1: the caller's).

    ``entries`` by uid from ``first`` to ``last``; others are left out. Raises ``OSError``, and all is as before.
    """
    shape = Shape(first, last - first + 1, _COLUMNS)
    numbers = array("q", bytes(8 * _COLUMNS * shape.count))
    for uid, entry in entries.items():
        if first <= uid <= last:
            for column, number in enumerate((entry.mail, entry.files, entry.mail_mark, entry.files_mark)):
                numbers[column * shape.count + uid - first] = number
    write_whole(path, shape.header + numbers.tobytes(), 0o640, (-1, group))


def read_base(path: Path) -> dict[int, Entry] | None:
    """Read what :func:`write_base` wrote, without accounts that have nothing; ``None``: there is none that is whole."""
    table = _opened(path)
    if table is None:
        return None
    shape = table.shape
    entries = {
        uid: Entry(table.get(0, uid), table.get(1, uid), table.get(2, uid), table.get(3, uid))
        for uid in range(shape.first, shape.first + shape.count)
    }
    table.close()
    return {uid: entry for uid, entry in entries.items() if entry != Entry(0, 0)}


def _opened(path: Path) -> Table | None:
    """Map the table at ``path``; ``None`` when it is not there, not ours to read, or not whole yet."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Table(descriptor)
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)
