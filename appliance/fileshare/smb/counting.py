"""Counting whoever wrote over SMB, in a thread that stands back, and taking away what cut uploads left.

May live here: one count, and what follows from it for the ledger. May not: when (``tally``), sessions (``door``). A
count is taken only if no other service wrote for the person meanwhile; else he is to be counted again.

Each group folder is counted by itself, and only those of whoever wrote: of the others the last figures hold, for an
hour. A file with names in two group folders counts in both until the nightly count.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.fileshare.shares import GROUPS, HOME, STAFF, Place, Shares
from appliance.fileshare.smb.remains import Remains, clear
from appliance.fileshare.smb.smbd import Smbd
from appliance.usage.delta import Delta
from appliance.usage.ledger import Usage
from appliance.usage.scan import scan

_log = logging.getLogger(__name__)
_LOWEST: Final = 19
_STALE: Final = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Suspect:
    """Whose files of the sizes in ``limits`` are cut ones if they changed since; see :func:`.remains.clear`."""

    uid: int
    shares: Shares
    limits: Mapping[int, float]
    begun: float


@dataclass(frozen=True, slots=True)
class Task:
    """Who is to be counted (logins by uid) in which ``groups``, whose cut files go, and who may hold deleted files."""

    logins: Mapping[int, str]
    groups: Collection[str]
    suspects: Collection[Suspect]
    smbds: Collection[Smbd]


@dataclass(frozen=True, slots=True)
class Counted:
    """What was cut, by uid; who could not be counted; bytes in deleted files that are held open, by their owner."""

    cut: Mapping[int, list[Remains]]
    missed: Collection[int]
    held: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    cut: Mapping[int, list[Remains]]
    homes: Mapping[str, int]
    held: Mapping[int, int]


class Counting:
    """Counts below ``data`` into ``delta``, a part of ``usage``; ``ids`` are those of accounts, ``clock`` monotonic."""

    def __init__(
        self, data: Path, usage: Usage, delta: Delta, ids: range, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._data = data
        self._usage = usage
        self._delta = delta
        self._ids = ids
        self._clock = clock
        self._groups: dict[str, Mapping[int, int]] = {}
        self._all_at = clock()
        self._thread = ThreadPoolExecutor(1, "counting", initializer=_stand_back)

    async def count(self, task: Task) -> Counted:
        """Clear what suspects left, then count. Raises ``OSError``."""
        others = {uid: self._usage.added(uid)[1] for uid in task.logins}
        seen = await asyncio.get_running_loop().run_in_executor(self._thread, self._look, task)
        missed = set()
        for uid, login in task.logins.items():
            if login in seen.homes and self._usage.added(uid)[1] == others[uid]:
                lies = seen.homes[login] + sum(group.get(uid, 0) for group in self._groups.values())
                self._delta.add(uid, lies + seen.held.get(uid, 0) - self._usage.parts(uid)[1])
            else:
                missed.add(uid)
        return Counted(seen.cut, missed, seen.held)

    def close(self) -> None:
        """Finish what is being counted."""
        self._thread.shutdown()

    def _look(self, task: Task) -> _Seen:
        cut = {one.uid: self._clear(one) for one in task.suspects}
        if task.logins:
            self._look_at_groups(task.groups)
        homes = {}
        for login in task.logins.values():
            try:
                homes[login] = scan(self._data, self._ids, (login,), ()).homes.get(login, 0)
            except OSError as error:  # the others can be counted all the same
                _log.error("a home cannot be counted: %s", error.strerror or type(error).__name__)
        return _Seen(cut, homes, held(task.smbds, self._data))

    def _look_at_groups(self, groups: Collection[str]) -> None:
        now = self._clock()
        if now >= self._all_at:
            with contextlib.suppress(FileNotFoundError):
                self._groups = {each.name: self._group(each.name) for each in (self._data / "groups").iterdir()}
            self._all_at = now + _STALE
        else:
            self._groups |= {name: self._group(name) for name in groups}

    def _group(self, name: str) -> Mapping[int, int]:
        return scan(self._data, self._ids, (), (name,)).files

    def _clear(self, suspect: Suspect) -> list[Remains]:
        shares = suspect.shares
        places = [((HOME,), shares.home), *(((GROUPS, name), place) for name, place in shares.groups.items())]
        if shares.staff is not None:
            places.append(((STAFF,), shares.staff))
        found: list[Remains] = []
        for shown, place in places:
            found += clear(self._folder(place), shown, suspect.uid, suspect.limits, suspect.begun)
        return found

    def _folder(self, place: Place) -> Path:
        return self._data / place.area / place.name


def held(smbds: Iterable[Smbd], data: Path) -> Mapping[int, int]:
    """Give the bytes in files below ``data`` that were deleted while one of ``smbds`` has them open, by their owner."""
    files: dict[tuple[int, int], tuple[int, int]] = {}
    for smbd in smbds:
        files |= smbd.deleted(data)
    sums: Counter[int] = Counter()
    for owner, size in files.values():
        sums[owner] += size
    return sums


def _stand_back() -> None:
    """Give this thread the lowest priority: Linux counts threads as processes here."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)
