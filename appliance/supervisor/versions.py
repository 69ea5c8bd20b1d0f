"""The published version that never goes back, and the sessions still to be ended; both outlive a kill -9.

May live here: these two tables of the state. May not: publishing or kicking.
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.policy.snapshot import Version
from appliance.supervisor.state import State


class Versions:
    """Hands out versions (epoch, counter); each one is on disk before it is used."""

    def __init__(self, state: State) -> None:
        self._state = state

    def next(self, published: Version | None) -> Version:
        """A version newer than any given before and than ``published``, the newest one found in a snapshot file.

        A state restored from the backup, or made anew, knows less than the files that the services follow: it goes on
        above them.
        """
        with self._state.change(published=False) as database:
            numbers = dict(database.execute("SELECT name, value FROM number WHERE name IN ('epoch', 'counter')"))
            version = Version(numbers["epoch"], numbers.get("counter", 0) + 1)
            if published is not None and version <= published:
                version = Version(published.epoch, published.counter + 1)
            database.executemany(
                "INSERT OR REPLACE INTO number VALUES (?, ?)",
                [("epoch", version.epoch), ("counter", version.counter)],
            )
        return version


class Kicks:
    """Sessions that must end, noted before the snapshot that says so is published."""

    def __init__(self, state: State) -> None:
        self._state = state

    def note(self, service: str, logins: Iterable[str]) -> None:
        """Remember that the sessions of ``logins`` at ``service`` must end."""
        with self._state.change(published=False) as database:
            database.executemany("INSERT OR IGNORE INTO kick VALUES (?, ?)", [(login, service) for login in logins])

    def waiting(self) -> list[tuple[str, str]]:
        """All (login, service) still to be ended."""
        with self._state.read() as database:
            return [(login, service) for login, service in database.execute("SELECT login, service FROM kick")]

    def done(self, login: str, service: str) -> None:
        """The sessions of ``login`` at ``service`` have ended."""
        with self._state.change(published=False) as database:
            database.execute("DELETE FROM kick WHERE login = ? AND service = ?", (login, service))
