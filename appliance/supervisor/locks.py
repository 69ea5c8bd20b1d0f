"""Locks (K18) in the state: who is denied what, since when, until when, why, by whom.

May live here: the table of locks and what one looks like to the carer. May not: what a lock denies (``policy.rules``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from appliance.policy.account import Lock, Service
from appliance.supervisor.state import State


@dataclass(frozen=True, slots=True)
class KnownLock:
    """A lock with its reason and author, which no snapshot carries."""

    lock: Lock
    reason: str
    by: str


class Locks:
    """The table of locks; a lock whose ``until`` has passed counts no more and is swept away at the next change."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, uid: int, known: KnownLock) -> None:
        """Lock; an earlier lock of the same account and service is replaced. On disk when it returns."""
        lock = known.lock
        with self._state.change() as database:
            self._sweep(uid, lock.service, lock.since)
            database.execute(
                "INSERT INTO lock (uid, service, since, until, reason, by) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    uid,
                    lock.service,
                    lock.since.isoformat(),
                    lock.until.isoformat() if lock.until else None,
                    known.reason,
                    known.by,
                ),
            )

    def lift(self, uid: int, service: Service | None, now: datetime) -> bool:
        """Unlock: the lock of ``service``, or of the whole account; ``False`` if there was none in force."""
        with self._state.change():
            return self._sweep(uid, service, now) > 0

    def standing(self, now: datetime) -> Mapping[int, tuple[KnownLock, ...]]:
        """All locks in force at ``now`` by ``uid``, oldest first."""
        with self._state.read() as database:
            rows = database.execute("SELECT uid, service, since, until, reason, by FROM lock ORDER BY id").fetchall()
        found: dict[int, tuple[KnownLock, ...]] = {}
        for uid, service, since, until, reason, by in rows:
            lock = Lock(
                Service(service) if service else None,
                datetime.fromisoformat(since),
                datetime.fromisoformat(until) if until else None,
            )
            if lock.until is None or lock.until > now:
                found[uid] = (*found.get(uid, ()), KnownLock(lock, reason, by))
        return found

    def _sweep(self, uid: int, service: Service | None, now: datetime) -> int:
        """Inside a change: drop the lock of this service, and all that ended before ``now``; count those in force."""
        with self._state.read() as database:
            rows = database.execute(
                "SELECT id, until FROM lock WHERE uid = ? AND service IS ?", (uid, service)
            ).fetchall()
            database.execute("DELETE FROM lock WHERE uid = ? AND service IS ?", (uid, service))
        return sum(1 for _, until in rows if until is None or datetime.fromisoformat(until) > now)
