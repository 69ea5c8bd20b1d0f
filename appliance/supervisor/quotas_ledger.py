"""The supervisor's side of the ledger of bytes: it owns the base, saves the sums and has the disk counted.

May live here: when is counted and saved, and what a count of a large school is put together from. May not: adding up
(``usage.ledger``), when a count can be trusted (``usage.reconcile``). Blocking and thread-safe.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.daemon.walking import DEEPEST
from appliance.usage.delta import Delta, Place
from appliance.usage.ledger import Entry, Usage, read_base, write_base
from appliance.usage.reconcile import Counted, reconcile, recount_mail
from appliance.usage.scan import Found

if TYPE_CHECKING:
    from appliance.policy.snapshot import Snapshot
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

TEND: Final = 60.0
"""Seconds between two calls of :meth:`Ledger.tend`."""

_AT_ONCE = 50
_NEARLY = 0.9

Progress = Callable[[int, int, str], None]


class Stopped(Exception):
    """The supervisor ends; the count under way is given up and nothing is changed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is needed of others: ``scan(logins, groups)`` blocks, and raises as the privileged client does."""

    scan: Callable[[Sequence[str], bool], Found]
    snapshot: Callable[[], Snapshot | None]


class Ledger:
    """Keeps the base in ``<runtime>/usage``, readable by the group ``readers``, and a copy of the sums in the state.

    ``deep`` are the homes and groups (``homes/LOGIN``) in which the last count found folders too deep for the copies.

    The runtime folder is empty after a boot: then the copy is the base until the disk has been counted.
    """

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        readers: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopping: threading.Event | None = None,
    ) -> None:
        self.settings = settings
        self.usage = Usage(settings.server.runtime / "usage")
        self._base = settings.server.runtime / "usage" / "base" / "ledger"
        self._copy = settings.server.state / "supervisor" / "usage"
        self._sources = sources
        self._readers = readers
        self._clock = clock
        self._counting = threading.Lock()
        self._stopping = stopping or threading.Event()
        self._saved: dict[int, Entry] = {}
        self._recount = False
        self._failing = False
        self.deep: frozenset[str] = frozenset()

    def tend(self) -> None:
        """Do what is due: a base after a boot, the count of the night, a copy of the sums.

        Mailboxes of accounts that are nearly full are counted each time: deleting mail in IMAP makes room, and nobody
        should have to wait for the night until that is seen.
        """
        snapshot = self._sources.snapshot()
        if snapshot is None or self._stopping.is_set():
            return
        try:
            if not self._base.exists():
                self._recount = True
                saved = read_base(self._copy)
                if saved is not None:
                    self._write_base(saved)
            if self._recount or self._due():
                self.count()
            elif full := self._nearly_full(snapshot):
                self.count_mail(full)
            self._save(snapshot)
        except Stopped:
            return
        except (OSError, Unreachable, RequestRefused) as problem:
            if not self._failing:
                LOG.error("the ledger of space cannot be kept; it is tried again: %s", type(problem).__name__)
            self._failing = True
        else:
            self._failing = False

    def count(self, progress: Progress = lambda *_: None) -> Counted:
        """Count the disk and make that the base; one count at a time.

        Raises ``Unreachable``, ``RequestRefused`` (no answer of the privileged helper, or no), ``OSError``,
        :class:`Stopped`; the base is as before then.
        """
        with self._counting:
            snapshot = self._sources.snapshot()
            accounts = {account.login: account.uid for account in snapshot.accounts.values()} if snapshot else {}
            begun = self._clock()
            deep: set[str] = set()

            def scan(logins: Collection[str]) -> Found:
                found = self._scan(logins, progress)
                deep.update(found.deep)
                return found

            counted = reconcile(accounts, self.usage, scan, self._wait)
            self._write_base(counted.entries)
            self.deep = frozenset(deep)
            self._recount = False
            took = (self._clock() - begun).total_seconds()
            LOG.info(
                "space counted in %.0f s: %d accounts, %d corrected, %d written to all the time",
                took,
                len(counted.entries),
                counted.corrected,
                counted.unsettled,
            )
            return counted

    def restored(self, place: Place, added: Mapping[int, int]) -> None:
        """Count what a restore has just ``added``, bytes by uid; raises ``OSError``."""
        numbers, folder = self.settings.directory, self._base.parent / place
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        os.chown(folder, -1, self._readers)
        delta = Delta(self._base.parents[1], place, numbers.id_first, numbers.id_last, f"base/{place}")
        try:
            for uid, size in added.items():
                delta.add(uid, size)
        finally:
            delta.close()
        self.usage.refresh()

    def check(self) -> dict[str, Any] | None:
        """Give the row of status, if there is anything to say; it names nobody, for it goes out in mails."""
        if not self.deep:
            return None
        text = (
            f"{len(self.deep)} homes or group folders have more than {DEEPEST[0]} folders in each other, or paths of "
            f"more than {DEEPEST[1]} bytes: the nightly copy may not be whole; schoolserver quota count says which"
        )
        return {"name": "depth", "ok": False, "text": text}

    def count_mail(self, accounts: Mapping[str, int]) -> None:
        """Count the mailboxes of ``accounts`` (uid by login): what was deleted in IMAP is seen then.

        Raises as :meth:`count`.
        """
        with self._counting:
            found = recount_mail(accounts, self.usage, lambda logins: self._scan(logins, groups=False), self._wait)
            base = read_base(self._base)
            if found and base is not None:
                counted_at = self._base.stat().st_mtime
                self._write_base({**base, **found})
                os.utime(self._base, (counted_at, counted_at))  # the count of the night is due when it was

    def _nearly_full(self, snapshot: Snapshot) -> Mapping[str, int]:
        """Give login and uid of those who have used almost all of their quota."""
        return {
            account.login: account.uid
            for account in snapshot.accounts.values()
            if account.quota and self.usage.of(account.uid) > account.quota * _NEARLY
        }

    def stop(self) -> None:
        """Give up a count under way; what is called afterwards does nothing."""
        self._stopping.set()

    def _due(self) -> bool:
        quota, zone = self.settings.quota, self.settings.school.zone
        counted_at = datetime.fromtimestamp(self._base.stat().st_mtime, UTC)
        return counted_at < latest(quota.count_at, self._clock(), zone)

    def _scan(self, logins: Collection[str], progress: Progress = lambda *_: None, groups: bool = True) -> Found:
        """Count in pieces, so that the helper has time for others in between and that stopping waits for one only."""
        mail: Counter[str] = Counter()
        files: Counter[int] = Counter()
        homes: Counter[str] = Counter()
        deep: set[str] = set()
        names = sorted(logins)
        for done in range(0, max(len(names), 1), _AT_ONCE):
            if self._stopping.is_set():
                raise Stopped
            progress(done, len(names), "mailboxes and homes")
            part = self._sources.scan(names[done : done + _AT_ONCE], groups and done == 0)
            mail.update(part.mail)
            files.update(part.files)
            homes.update(part.homes)
            deep |= part.deep
        return Found(mail, files, homes, frozenset(deep))

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped

    def _write_base(self, entries: Mapping[int, Entry]) -> None:
        numbers = self.settings.directory
        self._base.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        write_base(self._base, entries, numbers.id_first, numbers.id_last, self._readers)
        self.usage.refresh()

    def _save(self, snapshot: Snapshot) -> None:
        if not self.usage.known:
            return
        uids = [account.uid for account in snapshot.accounts.values()]
        sums = {uid: Entry(*self.usage.parts(uid)) for uid in uids}
        if uids and sums != self._saved:
            write_base(self._copy, sums, min(uids), max(uids), -1)
            self._saved = sums


def latest(at: time, now: datetime, zone: ZoneInfo) -> datetime:
    """Give the last instant not after ``now`` at which clocks in ``zone`` showed ``at`` (the first of two such)."""
    day = now.astimezone(zone).date()
    today = datetime.combine(day, at, zone)
    return today if today.astimezone(UTC) <= now else datetime.combine(day - timedelta(days=1), at, zone)
