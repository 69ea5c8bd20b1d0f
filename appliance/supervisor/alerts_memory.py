"""What alerts know beyond a restart: what is red since when, what was told when, and what is still to be told.

May live here: their tables in the state. May not: the rule (``alerts_rule``). Nothing here is published.
"""

from __future__ import annotations

from datetime import UTC, datetime

from appliance.supervisor.alerts_rule import Trouble, Troubles
from appliance.supervisor.state import State

_SENT = "alert-sent"


class Memory:
    """The tables ``alert`` and ``notice``; all methods raise ``StateError``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def troubles(self) -> dict[str, Trouble]:
        """Give what was kept."""
        with self._state.read() as database:
            rows = database.execute(
                "SELECT name, since, well_since, told_at FROM alert ORDER BY since, name"
            ).fetchall()
        return {
            name: Trouble(datetime.fromisoformat(since), _when(well), _when(told)) for name, since, well, told in rows
        }

    def keep(self, troubles: Troubles) -> None:
        """Keep ``troubles`` and nothing else."""
        rows = [
            (name, trouble.since.isoformat(), _text(trouble.well_since), _text(trouble.told_at))
            for name, trouble in troubles.items()
        ]
        with self._state.change(published=False) as database:
            database.execute("DELETE FROM alert")
            database.executemany("INSERT INTO alert VALUES (?, ?, ?, ?)", rows)

    def notices(self) -> list[tuple[int, str]]:
        """Give what is still to be told, oldest first: number and text."""
        with self._state.read() as database:
            return list(database.execute("SELECT id, text FROM notice ORDER BY id").fetchall())

    def note(self, text: str) -> None:
        """Keep something that is to be told."""
        with self._state.change(published=False) as database:
            database.execute("INSERT INTO notice (text) VALUES (?)", (text,))

    def told(self, number: int) -> None:
        """Forget what was told."""
        with self._state.change(published=False) as database:
            database.execute("DELETE FROM notice WHERE id = ?", (number,))

    def sent_at(self) -> datetime | None:
        """Give when a mail last got away."""
        with self._state.read() as database:
            row = database.execute("SELECT value FROM number WHERE name = ?", (_SENT,)).fetchone()
        return None if row is None else datetime.fromtimestamp(row[0], UTC)

    def sent(self, when: datetime) -> None:
        """Note that a mail got away."""
        with self._state.change(published=False) as database:
            database.execute("INSERT OR REPLACE INTO number VALUES (?, ?)", (_SENT, int(when.timestamp())))


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
