"""Exemptions from the limit of transfers (K12) in the state: who may more, how much, until when, why, by whom.

May live here: the table of exemptions. May not: what a limit is (``policy.limits``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.supervisor.state import State


@dataclass(frozen=True, slots=True)
class Exemption:
    """The account ``uid``, or the members of the group ``gid``, may transfer ``size`` bytes until ``until`` (aware)."""

    uid: int | None
    gid: int | None
    size: int
    since: datetime
    until: datetime
    reason: str
    by: str


class Exemptions:
    """The table; an exemption whose ``until`` has passed counts no more and is swept away at the next change."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, new: Exemption) -> None:
        """Exempt; an earlier exemption of the same account or group is replaced. On disk when it returns."""
        with self._state.change() as database:
            self._sweep(new.uid, new.gid, new.since)
            database.execute(
                "INSERT INTO exemption (uid, gid, size, since, until, reason, by) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (new.uid, new.gid, new.size, new.since.isoformat(), new.until.isoformat(), new.reason, new.by),
            )

    def revoke(self, uid: int | None, gid: int | None, now: datetime) -> bool:
        """End the exemption of the account ``uid`` or the group ``gid``; ``False`` if there was none in force."""
        with self._state.change():
            return self._sweep(uid, gid, now)

    def standing(self, now: datetime) -> tuple[Exemption, ...]:
        """All in force at ``now``, oldest first."""
        with self._state.read() as database:
            rows = database.execute(
                "SELECT uid, gid, size, since, until, reason, by FROM exemption ORDER BY id"
            ).fetchall()
        found = (
            Exemption(uid, gid, size, datetime.fromisoformat(since), datetime.fromisoformat(until), reason, by)
            for uid, gid, size, since, until, reason, by in rows
        )
        return tuple(exemption for exemption in found if exemption.until > now)

    def _sweep(self, uid: int | None, gid: int | None, now: datetime) -> bool:
        """Inside a change: drop the one of this account or group, and all that have ended; whether it was in force."""
        ours = False
        with self._state.read() as database:
            rows = database.execute("SELECT id, uid, gid, until FROM exemption").fetchall()
            for number, its_uid, its_gid, until in rows:
                ended, same = datetime.fromisoformat(until) <= now, (its_uid, its_gid) == (uid, gid)
                ours = ours or (same and not ended)
                if ended or same:
                    database.execute("DELETE FROM exemption WHERE id = ?", (number,))
        return ours
