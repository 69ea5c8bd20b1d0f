"""Who was told that his space is nearly full, beyond a restart: a table in the state, of which nothing is published."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.supervisor.state import State


class Warned:
    """The table ``quota_warned``; both methods raise ``StateError``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def shares(self) -> dict[int, int]:
        """Give the percent that each account (uid) was told of last."""
        with self._state.read() as database:
            return dict(database.execute("SELECT uid, share FROM quota_warned").fetchall())

    def keep(self, shares: Mapping[int, int]) -> None:
        """Keep these; 0 forgets an account."""
        with self._state.change(published=False) as database:
            for uid, share in shares.items():
                if share:
                    database.execute("INSERT OR REPLACE INTO quota_warned VALUES (?, ?)", (uid, share))
                else:
                    database.execute("DELETE FROM quota_warned WHERE uid = ?", (uid,))
