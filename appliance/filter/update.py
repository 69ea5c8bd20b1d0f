"""Renewing all lists and making the index of them, in a process of its own; the last good version of each stays.

May live here: the order of things, and when a new version is taken. May not: HTTP (``fetch``), formats, the index
itself (``build``). A list that cannot be had or is refused changes nothing: the index keeps what came of it before.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.daemon.descriptors import opened
from appliance.daemon.logs import Told
from appliance.daemon.whole_file import sync_folder
from appliance.filter.build import TooMany, build
from appliance.filter.entry import Entry
from appliance.filter.fetch import Unreachable, fetch
from appliance.filter.index import Index
from appliance.filter.layout import BrokenIndex
from appliance.filter.lines import ListRefused
from appliance.filter.record import INDEX, LISTS, MODE, Kept, Record, read, write
from appliance.filter.sources import Item, items, own_entries, shipped
from appliance.filter.sources import read as read_list

if TYPE_CHECKING:
    from appliance.settings.web_lists import WebLists

Progress = Callable[[int, int, str], None]
"""Called with parts of a thousand done, a thousand, and what is under way."""

_ALL: Final = 1000
_FETCHING: Final = 500
_EVERY: Final = 20_000
_MOST: Final = 20_000_000
"""Entries that a list may have: one alone must leave room for the others in the index."""


@dataclass(slots=True)
class Update:
    """One renewal of what ``wanted`` asks for, in ``folder``; ``now()`` is aware.

    ``ask`` says whether lists that we have are asked for anew. ``smaller`` takes those that shrank by half or more.
    ``wait``: until another renewal has ended, instead of giving up.
    """

    folder: Path
    wanted: WebLists
    now: Callable[[], datetime]
    tell: Progress
    ask: bool = True
    smaller: bool = False
    wait: bool = False
    _counted: Counter[str] = field(default_factory=Counter, init=False)

    def run(self) -> Record:
        """Do it; give the record, which is kept, too. Raises :class:`Told` when another is under way, or OSError.

        What was begun and never ended leaves the lists as they were.
        """
        self.folder.mkdir(exist_ok=True)
        (self.folder / LISTS).mkdir(exist_ok=True)
        with self._alone():
            record = self._record()
            lists = items(self.wanted.sources)
            kept = {}
            for number, item in enumerate(lists):
                kept[item.key] = self._renewed(item, record.lists.get(item.key, Kept()), number, len(lists))
            record = self._indexed(replace(record, lists=kept, tried=self.now()), lists)
            write(self.folder, record)
            self._forget(set(kept))
            self.tell(_ALL, _ALL, "done")
            return record

    def _record(self) -> Record:
        try:
            return read(self.folder)
        except ValueError:
            return Record()  # of another version: all is fetched again

    def _renewed(self, item: Item, former: Kept, number: int, of: int) -> Kept:
        """Get one list; how it stands then."""
        path = self._path(item)
        there = path.exists() and former.changed is not None
        if there and not self.ask:
            return former
        share = _FETCHING / of
        candidate = path.with_name(f".{path.name}.new")
        text = item.title

        def progress(had: int, size: int) -> None:
            self.tell(round(share * (number + (had / size if size else 0))), _ALL, text)

        progress(0, 0)
        try:
            version = fetch(item, former.version if there else Kept().version, candidate, self.wanted.largest, progress)
            if version is None:
                return replace(former, checked=self.now(), problem="", refused=False)
            left_out: list[str] = []
            entries = self._looked_through(item, candidate, former, left_out)
            with candidate.open("rb") as file:
                os.fsync(file.fileno())
            candidate.rename(path)
            sync_folder(path.parent)
            now = self.now()
            return Kept(version, now, now, entries, tuple(dict.fromkeys(left_out)))
        except Unreachable as error:
            return replace(former, problem=str(error))
        except ListRefused as error:
            return replace(former, problem=str(error), refused=True)
        finally:
            candidate.unlink(missing_ok=True)

    def _looked_through(self, item: Item, candidate: Path, former: Kept, left_out: list[str]) -> dict[str, int]:
        """Count the entries; raises :class:`ListRefused` for what is no list, or less than half of the former one."""
        entries, found = Counter[str](), 0
        for entry in read_list(item, candidate, self.wanted.largest, left_out):
            entries[entry.category] += not entry.allow  # one of exceptions alone has shrunk to nothing
            found += 1
        if found > _MOST:
            raise ListRefused(f"it has {found:,} entries; {_MOST:,} may be")
        if not found:
            raise ListRefused(f"nothing of {', '.join(item.categories)} is in it")
        for category in item.categories:
            before = former.entries.get(category, 0)
            if entries[category] * 2 <= before and not self.smaller:
                raise ListRefused(
                    f"it has {entries[category]:,} entries of {category} and had {before:,}; "
                    "if that is right: schoolserver web lists update --smaller"
                )
        return dict(entries)

    def _indexed(self, record: Record, lists: tuple[Item, ...]) -> Record:
        """Make the index, unless there is one of the very same."""
        stamp = self._stamp(record, lists)
        target = self.folder / INDEX
        try:
            if stamp == record.stamp and len(Index.open(target)):
                return replace(record, problem="")
        except (BrokenIndex, OSError):
            pass
        self._counted = Counter()
        try:
            built = build(self._entries(record, lists), target, MODE)
        except (ListRefused, TooMany, OSError) as error:
            return replace(record, problem=f"no new index could be made: {error}")
        entries = dict(self._counted)
        return replace(record, stamp=stamp, made=self.now(), entries=entries, left_out=built.refused, problem="")

    def _entries(self, record: Record, lists: tuple[Item, ...]) -> Iterator[Entry]:
        """Give all that there is, and count it."""
        total = sum(one.count for one in record.lists.values()) or 1
        for item in lists:
            if record.lists[item.key].changed is not None and self._path(item).exists():
                yield from self._counting(read_list(item, self._path(item), self.wanted.largest), total)
        yield from self._counting(shipped(), total)
        yield from self._counting(own_entries(self.wanted.own, self.wanted.without), total)

    def _counting(self, entries: Iterator[Entry], total: int) -> Iterator[Entry]:
        counted = self._counted
        done = counted.total()
        for entry in entries:
            counted[entry.category] += not entry.allow
            done += 1
            if done % _EVERY == 0:
                part = min(done / total, 1)
                self.tell(round(_FETCHING + (_ALL - _FETCHING - 1) * part), _ALL, f"{done:,} entries")
            yield entry

    def _stamp(self, record: Record, lists: tuple[Item, ...]) -> str:
        """What the index depends on: which lists, of which version, and what the school and the package add."""
        digest = hashlib.sha256()
        for item in lists:
            digest.update(repr((item.key, record.lists[item.key].version.sha256, item.may_close)).encode())
        for entry in (*shipped(), *own_entries(self.wanted.own, self.wanted.without)):
            digest.update(repr(tuple(entry)).encode())
        return digest.hexdigest()

    def _path(self, item: Item) -> Path:
        return self.folder / LISTS / item.key

    def _forget(self, keys: set[str]) -> None:
        """Remove files of lists that are wanted no more."""
        for path in (self.folder / LISTS).iterdir():
            if path.name not in keys:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time; what a killed one left is removed."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        with opened(os.open(self.folder / "lock", flags, 0o600)) as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not self.wait:
                    raise Told("the lists are being renewed already; try again when that has ended") from None
                self.tell(0, _ALL, "another renewal is under way")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
