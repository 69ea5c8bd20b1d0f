"""Keeps who may log on at the school's PCs in the directory as the policy says it (K18, K19, K23).

While we are not running or the directory is away it stays as it was, and is put right afterwards; so is what somebody
else has changed there. A lock is written before everything else, also in the middle of a thousand changes.

May live here: what differs, how it is written, how that stands. May not: whose log-on is closed (``log_on_wanted``),
LDAP (``directory``), timers. :meth:`LogOn.work` blocks and is called by one thread at a time, the rest is thread-safe.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from appliance.directory.errors import DirectoryError, DirectoryUnavailable, NotFound
from appliance.supervisor.log_on_wanted import Wanted, wanted

if TYPE_CHECKING:
    from appliance.directory.records import DirectoryAccount, DirectoryState
    from appliance.policy.snapshot import Snapshot
    from appliance.supervisor.publisher import Standing

LOG = logging.getLogger(__name__)

SLICE: Final = 0.5
"""Seconds of writing after which others have their turn, and we look again at what matters most."""
STUCK: Final = 10.0
"""Seconds without any success after which what waits is an alarm."""
SETTLED: Final = 2.0
"""Seconds after a write in which a look that says otherwise may still be one that began before it."""
_BREATH: Final = 0.05
_AGAIN: Final = 1.0
_REFUSED_AGAIN: Final = 30.0
_MOST_REFUSALS: Final = 3  # in a row: then it is a right that is missing, not an account
_LONGEST: Final = 30.0  # a clock that is set moves the end of a lock


class Flags(Protocol):
    """What is needed of the directory."""

    def set_log_on(self, login: str, allowed: bool) -> object:
        """Open or close log-on; raises ``DirectoryError``, ``NotFound`` for an account that is gone."""


class Published(Protocol):
    """What is needed of the publisher."""

    @property
    def snapshot(self) -> Snapshot | None:
        """The whole as last composed."""

    @property
    def directory(self) -> DirectoryState | None:
        """The directory as last read; the same object while nothing in it has changed."""

    @property
    def standing(self) -> Standing:
        """When it was last looked at."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """How it stands; ``moved``: when something was last written or nothing waited, on a monotonic clock."""

    read: bool = False
    closed: int = 0
    waiting: int = 0
    refused: int = 0
    since: datetime | None = None
    moved: float = field(default_factory=time.monotonic)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Write:
    """What was written when, and when and how often the directory had been looked at and read by then."""

    allowed: bool
    at: datetime
    looked_at: datetime | None
    reads: int


class LogOn:
    """Compares and writes. ``clock`` gives aware instants, ``ticks`` monotonic seconds."""

    def __init__(
        self,
        directory: Flags,
        published: Published,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._published = published
        self._clock = clock
        self._ticks = ticks
        self._wanted: Wanted | None = None
        self._read: DirectoryState | None = None
        self._reads = 0
        self._written: dict[str, _Write] = {}
        self._kept_closed: set[str] = set()
        self._refused: dict[str, float] = {}  # until when it is not asked again
        self._failing = False
        self._guard = threading.Lock()
        self._worked = threading.Condition()
        self._standing = _Standing(moved=ticks())

    def work(self) -> float:
        """Write differences for at most :data:`SLICE` seconds; gives the seconds until the next call is due."""
        try:
            return self._work()
        finally:
            with self._worked:
                self._worked.notify_all()

    def reached(self, login: str, within: float) -> bool:
        """Wait until the directory has what is published about ``login``; ``False``: not within so many seconds."""
        end = time.monotonic() + within
        with self._worked:
            while not self._has(login):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._worked.wait(left)
        return True

    def _has(self, login: str) -> bool:
        known = self._wanted
        return known is not None and known.of is self._published.snapshot and not self.behind(login)

    def _work(self) -> float:
        snapshot, state, now = self._published.snapshot, self._published.directory, self._clock()
        if snapshot is None or state is None:
            return _AGAIN
        known = self._wanted
        if known is None or not known.stands(snapshot, now):
            known = self._wanted = wanted(snapshot, now)
        if state is not self._read:
            self._read, self._reads = state, self._reads + 1
        self._forget()
        waiting = self._waiting(state, known)
        pause = self._write(waiting, known) if waiting else None
        done = {login for login, write in self._written.items() if write.allowed is (login not in known.closed)}
        left = [login for login in waiting if login not in done]
        self._stand(known, left)
        if pause is not None:
            return pause
        ahead = _LONGEST if known.until is None else (known.until - self._clock()).total_seconds()
        return min(max(ahead, _BREATH), _AGAIN if self._written else _LONGEST)

    def check(self) -> dict[str, Any]:
        """Give the row of status; it speaks of no person."""
        with self._guard:
            stands = self._standing
        row = {"name": "log-on", "ok": True}
        if not stands.read:
            return {**row, "text": "not compared yet"}
        if not stands.waiting:
            return {**row, "text": f"in the directory as the policy says; closed to {stands.closed}"}
        well = not stands.refused and self._ticks() - stands.moved <= STUCK
        why = stands.problem or "they are being written"
        since = f" since {stands.since:%H:%M:%S} UTC" if stands.since else ""
        return {**row, "ok": well, "text": f"{stands.waiting} account(s) wait{since}: {why}"}

    def behind(self, login: str) -> bool:
        """Whether the directory, as last read or written, says something else about ``login`` than the policy."""
        known, state = self._wanted, self._read
        if known is None or state is None or login not in known.of.accounts:
            return False
        found = next((account for account in state.accounts if account.login == login), None)
        return found is not None and not found.hidden and self._open(found) is (login in known.closed)

    def _forget(self) -> None:
        """Forget writes that ``directory`` surely knows: it was read twice since, or looked at a while after.

        The first read may have begun before the write, and there is none when somebody else has undone it at once.
        """
        looked_at = self._published.standing.looked_at

        def known(write: _Write) -> bool:
            if write.reads + 2 <= self._reads:
                return True
            if looked_at is None or looked_at == write.looked_at:
                return False
            return abs((looked_at - write.at).total_seconds()) > SETTLED  # however the clock was set meanwhile

        self._written = {login: write for login, write in self._written.items() if not known(write)}

    def _open(self, account: DirectoryAccount) -> bool:
        """Whether log-on is open in the directory, as far as we know."""
        written = self._written.get(account.login)
        return account.log_on if written is None else written.allowed

    def _waiting(self, state: DirectoryState, known: Wanted) -> list[str]:
        """Whose flag is to be turned, the most urgent first; an account that the policy does not know yet waits."""
        waiting, undone = [], 0
        for account in state.accounts:
            login, there = account.login, self._open(account)
            if account.hidden or login not in known.of.accounts:
                continue
            if login not in known.closed:
                self._kept_closed.discard(login)
            elif not there:
                self._kept_closed.add(login)
            elif login in self._kept_closed:
                self._kept_closed.discard(login)
                undone += 1
            if there is (login in known.closed):
                waiting.append(login)
        if undone:
            LOG.warning("log-on of %d account(s) was opened in the directory behind our back; it is closed", undone)
        return sorted(waiting, key=lambda login: (known.urgency(login), login))

    def _write(self, waiting: list[str], known: Wanted) -> float | None:
        """Write for a while; gives the pause if there is more to do, ``None``: when something changes."""
        begun, refusals = self._ticks(), 0
        self._refused = {login: until for login, until in self._refused.items() if until > begun}
        for login in waiting:
            allowed = login not in known.closed
            if login in self._refused:
                continue
            if self._published.snapshot is not known.of:
                return 0.0  # it may be a lock
            if self._ticks() - begun > SLICE:
                return _BREATH
            try:
                self._directory.set_log_on(login, allowed)
            except NotFound:
                pass  # removed since it was read
            except DirectoryUnavailable as problem:
                self._fail(problem)
                return _AGAIN
            except DirectoryError as problem:
                self._fail(problem)
                self._refused[login] = self._ticks() + _REFUSED_AGAIN
                refusals += 1
                if refusals == _MOST_REFUSALS:
                    return _REFUSED_AGAIN
                continue
            refusals = 0
            self._written[login] = _Write(allowed, self._clock(), self._published.standing.looked_at, self._reads)
            self._moved()
        return None

    def _fail(self, problem: DirectoryError) -> None:
        with self._guard:
            self._standing = replace(self._standing, problem=str(problem))
        if not self._failing:
            LOG.error("who may log on at PCs cannot be written to the directory; it is tried again: %s", problem)
        self._failing = True

    def _moved(self) -> None:
        with self._guard:
            problem = self._standing.problem if self._refused else None
            self._standing = replace(self._standing, moved=self._ticks(), problem=problem)

    def _stand(self, known: Wanted, left: list[str]) -> None:
        refused = sum(login in self._refused for login in left)
        with self._guard:
            before = self._standing
            self._standing = replace(
                before,
                read=True,
                closed=len(known.closed),
                waiting=len(left),
                refused=refused,
                since=(before.since or self._clock()) if left else None,
                moved=before.moved if left else self._ticks(),
                problem=before.problem if left else None,
            )
        if not left and self._failing:
            LOG.info("who may log on at PCs is in the directory again as the policy says")
            self._failing = False
