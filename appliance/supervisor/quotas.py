"""Quotas of single accounts (K11) in the state: how much, until when, why, by whom.

May live here: the table. May not: what a quota means (``policy.quota``), nor how much is used (``quotas_ledger``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from appliance.supervisor.state import State


@dataclass(frozen=True, slots=True)
class KnownQuota:
    """``size`` bytes (0: no bound) instead of what the account's role has, until ``until`` (``None``: for good)."""

    size: int
    since: datetime
    until: datetime | None
    reason: str
    by: str


class Quotas:
    """The table, a line for an account; one whose ``until`` has passed counts no more."""

    def __init__(self, state: State) -> None:
        self._state = state

    def set(self, uid: int, quota: KnownQuota) -> None:
        """Give the account ``uid`` a quota of its own instead of any former one. On disk when it returns."""
        until = quota.until.isoformat() if quota.until else None
        with self._state.change() as database:
            database.execute(
                "INSERT OR REPLACE INTO quota (uid, size, since, until, reason, by) VALUES (?, ?, ?, ?, ?, ?)",
                (uid, quota.size, quota.since.isoformat(), until, quota.reason, quota.by),
            )

    def reset(self, uid: int) -> bool:
        """Let the account ``uid`` have what its role has again; ``False`` if it had no other."""
        with self._state.change() as database:
            return database.execute("DELETE FROM quota WHERE uid = ?", (uid,)).rowcount > 0

    def standing(self, now: datetime) -> Mapping[int, KnownQuota]:
        """All in force at ``now`` by ``uid``."""
        with self._state.read() as database:
            rows = database.execute("SELECT uid, size, since, until, reason, by FROM quota").fetchall()
        found = {
            uid: KnownQuota(
                size, datetime.fromisoformat(since), datetime.fromisoformat(until) if until else None, reason, by
            )
            for uid, size, since, until, reason, by in rows
        }
        return {uid: quota for uid, quota in found.items() if quota.until is None or quota.until > now}
