"""What the roster knows of a person and the directory does not: source id, birth date, consents, numbers ever given.

May live here: these tables of the state. May not: the directory, nor what a consent opens (that is ``policy``).
Accounts are meant by their ``uid``, which is never given twice; a login may come back with somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from appliance.policy.account import Consent
from appliance.supervisor.state import State

NUMBERS: Final = ("uid", "gid")


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the roster: ``source_id`` is the school office's number for him, unique across the school."""

    uid: int
    login: str
    source_id: str | None = None
    birth_date: date | None = None


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """What was agreed to: the ``version`` of the text, when it was entered (aware) and by whom (K23)."""

    consent: Consent
    version: str
    given_at: datetime
    by: str


class OutOfNumbers(Exception):
    """All numeric ids of the range set in ``directory.yaml`` have been given; none is given twice."""


class People:
    """Persons, their consents, the homes made for them and the numeric ids given so far."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> dict[int, Person]:
        """Everybody, by ``uid``; raises ``StateError``."""
        with self._state.read() as database:
            rows = database.execute("SELECT uid, login, source_id, birth_date FROM person").fetchall()
        return {
            uid: Person(uid, login, source, date.fromisoformat(born) if born else None)
            for uid, login, source, born in rows
        }

    def remember(self, person: Person) -> None:
        """Keep or correct what is known of ``person``; raises ``StateError`` (also for a source id already taken)."""
        with self._state.change(published=False) as database:
            database.execute(
                "INSERT INTO person VALUES (?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET "
                "login = excluded.login, source_id = excluded.source_id, birth_date = excluded.birth_date",
                (
                    person.uid,
                    person.login,
                    person.source_id,
                    person.birth_date.isoformat() if person.birth_date else None,
                ),
            )

    def forget(self, uid: int) -> None:
        """Remove all that is kept on the account ``uid``, for good (K23)."""
        with self._state.change() as database:
            for table in ("person", "consent", "lock", "home", "exemption", "quota", "binding"):
                database.execute(f"DELETE FROM {table} WHERE uid = ?", (uid,))  # noqa: S608 - names from the line above

    def give(self, uid: int, given: GivenConsent) -> None:
        """Enter a consent; a newer text version replaces the older one."""
        with self._state.change() as database:
            database.execute(
                "INSERT OR REPLACE INTO consent VALUES (?, ?, ?, ?, ?)",
                (uid, given.consent.value, given.version, given.given_at.isoformat(), given.by),
            )

    def withdraw(self, uid: int, consent: Consent) -> bool:
        """Withdraw a consent; ``False`` if there was none."""
        with self._state.change() as database:
            return (
                database.execute("DELETE FROM consent WHERE uid = ? AND consent = ?", (uid, consent.value)).rowcount > 0
            )

    def consents(self) -> Mapping[int, tuple[GivenConsent, ...]]:
        """All standing consents by ``uid``."""
        with self._state.read() as database:
            rows = database.execute("SELECT uid, consent, version, given_at, by FROM consent").fetchall()
        found: dict[int, tuple[GivenConsent, ...]] = {}
        for uid, consent, version, given_at, by in rows:
            given = GivenConsent(Consent(consent), version, datetime.fromisoformat(given_at), by)
            found[uid] = (*found.get(uid, ()), given)
        return found

    def next_number(self, name: str, first: int, last: int, used: int = 0) -> int:
        """Give the next ``uid`` or ``gid`` of ``first..last``, above every one given before and above ``used``.

        Both come from one sequence: an account's number is that of its own group, too, so no other group may have it.
        On disk before it is returned; raises :class:`OutOfNumbers`.
        """
        if name not in NUMBERS:
            raise ValueError(f"no counter is called {name!r}")
        with self._state.change(published=False) as database:
            (given,) = database.execute("SELECT max(value) FROM number WHERE name IN (?, ?)", NUMBERS).fetchone()
            number = max(first, used + 1, (given or 0) + 1)
            if number > last:
                raise OutOfNumbers(f"no {name} is left between {first} and {last} (directory.yaml id_first, id_last)")
            database.execute("INSERT OR REPLACE INTO number VALUES (?, ?)", (name, number))
        return number

    def homes(self) -> frozenset[int]:
        """The ``uid`` of each account whose home was made."""
        with self._state.read() as database:
            return frozenset(row[0] for row in database.execute("SELECT uid FROM home"))

    def home_made(self, uid: int) -> None:
        """Note that the home of ``uid`` is there."""
        with self._state.change(published=False) as database:
            database.execute("INSERT OR IGNORE INTO home VALUES (?)", (uid,))
