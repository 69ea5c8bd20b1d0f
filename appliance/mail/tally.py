"""How many recipients, or KiB, each account wrote to within the last hour (K09): kept over restarts and kill -9.

May live here: counting. May not: how many are allowed (``policy.mailing``). Each worker has a mapped table of its own
and adds up those of all, so nobody waits for another or for the disk; the kernel writes them out within half a minute,
which is what a power cut may lose.

An account has a ring of 13 numbers, one for each five minutes: the upper half of a number says which five minutes it
is about, the lower half how many. So nothing is ever swept: what is too old does not count and is written over.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.usage.claim import claim
from appliance.usage.table import Shape, Table

SLOT: Final = 300
"""Seconds: an hour slides in steps of this, and has up to one step more than sixty minutes."""
_RING = 13
_BITS = 32
_MOST = (1 << _BITS) - 1
_REFRESH = 0.25


class Tally:
    """The recipients, or the KiB, of accounts with ids from ``first`` to ``last``, in ``folder``, which is made.

    Thread-safe. Make it after the fork. ``now`` is always an instant with its zone. What another worker counts is seen
    at once, that of one which has just begun within a quarter of a second. Raises ``OSError`` when its file cannot be
    made.
    """

    def __init__(self, folder: Path, first: int, last: int) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        shape = Shape(first * _RING, (last - first + 1) * _RING, 1)
        self._descriptor = claim(folder, "tally", shape, 0o600)
        self._own = Table(self._descriptor, writable=True)
        self._name = Path(f"/proc/self/fd/{self._descriptor}").readlink().name
        self._others: dict[str, Table] = {}
        self._looked = -_REFRESH

    def in_last_hour(self, uid: int, now: datetime) -> int:
        """Give the recipients of ``uid`` within the last hour; 0 for an id that is no account's."""
        with self._guard:
            return sum(self._slots(uid, _slot(now)).values())

    def free_at(self, uid: int, count: int, most: int, now: datetime) -> datetime | None:
        """Give from when on (UTC) ``count`` more make no more than ``most`` in an hour; ``None``: never."""
        if count > most:
            return None
        with self._guard:
            slots = self._slots(uid, _slot(now))
        room = most - sum(slots.values())
        at = now.astimezone(UTC)
        for slot in sorted(slots):
            if room >= count:
                break
            room += slots[slot]
            at = datetime.fromtimestamp((slot + _RING) * SLOT, UTC)
        return at

    def add(self, uid: int, count: int, now: datetime) -> None:
        """Note ``count`` recipients of a message of ``uid``, below 0 take them back; of no account's id nothing."""
        slot = _slot(now)
        number = uid * _RING + slot % _RING
        with self._guard:
            if self._descriptor >= 0:
                before = _meant(self._own.get(0, number), slot, slot)[1]
                self._own.put(0, number, slot << _BITS | min(max(before + count, 0), _MOST))

    def close(self) -> None:
        """Leave the file to the next worker. May be called more than once; nothing else may be asked then."""
        with self._guard:
            if self._descriptor >= 0:
                for table in (self._own, *self._others.values()):
                    table.close()
                os.close(self._descriptor)
                self._descriptor = -1
                self._others = {}

    def _slots(self, uid: int, slot: int) -> dict[int, int]:
        """Give how many there were in each of the last five minutes that count."""
        self._look()
        found: dict[int, int] = {}
        for table in (self._own, *self._others.values()):
            for value in filter(None, table.some(0, uid * _RING, _RING)):
                at, count = _meant(value, slot - _RING + 1, slot)
                if count:
                    found[at] = found.get(at, 0) + count
        return found

    def _look(self) -> None:
        """Map what other workers write to, and what those wrote that are gone."""
        now = time.monotonic()
        if now - self._looked < _REFRESH:
            return
        self._looked = now
        try:
            names = {path.name for path in self._folder.iterdir() if path.suffix == ".tally"} - {self._name}
        except OSError:
            return  # what is mapped still counts
        for name in names - self._others.keys():
            with contextlib.suppress(OSError, ValueError):  # not whole yet
                self._others[name] = _mapped(self._folder / name)
        for name in self._others.keys() - names:
            self._others.pop(name).close()


def _slot(now: datetime) -> int:
    return int(now.timestamp()) // SLOT


def _meant(value: int, oldest: int, newest: int) -> tuple[int, int]:
    """Give the five minutes that a number is about and how many; 0 when it is about others than those asked for."""
    slot = value >> _BITS
    return slot, value & _MOST if oldest <= slot <= newest else 0


def _mapped(path: Path) -> Table:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return Table(descriptor)
    finally:
        os.close(descriptor)
