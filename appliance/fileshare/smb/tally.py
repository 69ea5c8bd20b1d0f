"""What was written over SMB and not counted yet: how much, since when, and who is to be counted next.

May live here: numbers and instants. May not: sessions (``door``), the disk (``counting``). What an smbd wrote is more
than its files grew, never less; so whoever may have used up his space is held still until he is counted, and gets no
farther beyond his quota than he writes between two looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from appliance.fileshare.smb.bounds import Room, largest

_QUIET, _LATEST, _AT_END = 2.0, 20.0, 10.0  # seconds after the last write, after the first, and for who has no space
_NOISE: Final = 4096  # bytes that an smbd writes without any file
_LITTLE: Final = 64 * 1024 * 1024  # bytes: what a cable of 1 Gbit/s carries in half a second


class Writer(Protocol):
    """Whose space it is; ``quota``, ``upload`` (the limit of transfers) and ``grown`` (see ``Room``) in bytes."""

    uid: int
    login: str
    quota: int
    upload: int

    @property
    def grown(self) -> int:
        """The size of his largest open file."""
        ...


class Ledger(Protocol):
    """What is needed of :class:`appliance.usage.ledger.Usage`."""

    def of(self, uid: int) -> int:
        """Give the bytes that the account has."""
        ...


@dataclass(slots=True)
class Written:
    """Bytes that ``login`` may have written, and the first and last instant (monotonic) at which he did."""

    login: str
    size: int
    first: float
    last: float
    gone: bool = False


class Tally:
    """Everybody who wrote, by uid; ``full()`` says whether the disk's reserve is in use."""

    def __init__(self, ledger: Ledger, full: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._full = full
        self._clock = clock
        self._waiting: dict[int, Written] = {}
        self._in_count: dict[int, Written] = {}
        self._counted: dict[int, float] = {}

    def wrote(self, writer: Writer, size: int, gone: bool = False) -> None:
        """Note that ``writer`` may have written ``size`` bytes more; ``gone``: he cannot be watched any longer."""
        now = self._clock()
        found = self._waiting.setdefault(writer.uid, Written(writer.login, 0, now, now))
        found.size += size
        found.gone = found.gone or gone
        found.last = now

    def again(self, uid: int, login: str) -> None:
        """Have somebody counted soon, who wrote nothing: what others hold of his has changed."""
        now = self._clock()
        self._waiting.setdefault(uid, Written(login, 0, now, now)).gone = True

    def room(self, writer: Writer) -> Room | None:
        """Give his room by the quota; ``None``: it has no bound. What is being counted is still as good as written."""
        if not writer.quota:
            return None
        noted = (table.get(writer.uid) for table in (self._waiting, self._in_count))
        written = sum(one.size for one in noted if one is not None)
        left = max(writer.quota - self._ledger.of(writer.uid), 0)
        return Room(left, 0 if written < _NOISE else written, writer.grown)

    def largest(self, writer: Writer) -> int:
        """Give how many bytes a file of his may have now."""
        return largest(writer.upload, self.room(writer), self._full())

    def pressing(self, writers: Iterable[Writer]) -> set[int]:
        """Give who of ``writers``, by uid, has so little left that he could use it up before the next look."""
        rooms = {writer.uid: self.room(writer) for writer in writers}
        return {uid for uid, room in rooms.items() if room is not None and 0 < room.left - room.written < _LITTLE}

    def due(self, writers: Iterable[Writer]) -> tuple[dict[int, str], bool]:
        """Give who is to be counted, login by uid, and whether one of them is held still meanwhile.

        ``writers`` are those who are here.
        """
        now = self._clock()
        found = {
            uid: one.login
            for uid, one in self._waiting.items()
            if one.gone or (one.size >= _NOISE and (now - one.last >= _QUIET or now - one.first >= _LATEST))
        }
        urgent = False
        for writer in writers:
            room = self.room(writer)
            if room is None:
                continue
            if room.written and room.written >= room.left:
                found[writer.uid], urgent = writer.login, True
            elif room.left == 0 and now - self._counted.get(writer.uid, 0.0) >= _AT_END:
                found[writer.uid] = writer.login  # he may be making room, which writes nothing
        return found, urgent

    def take(self, uids: Iterable[int]) -> Mapping[int, Written]:
        """Give what is known of these, who are being counted until :meth:`counted`; what they write now is for later.

        Until then they have no more room than before: one count at a time.
        """
        now = self._clock()
        self._counted |= dict.fromkeys(uids, now)
        self._in_count = {uid: self._waiting.pop(uid) for uid in uids if uid in self._waiting}
        return self._in_count

    def counted(self, missed: Collection[int]) -> None:
        """The count is over and in the ledger; those of ``missed`` could not be counted and have to be again."""
        for uid, one in self._in_count.items():
            if uid in missed:
                found = self._waiting.setdefault(uid, one)
                if found is not one:
                    found.size, found.first, found.gone = found.size + one.size, one.first, found.gone or one.gone
        self._in_count = {}
