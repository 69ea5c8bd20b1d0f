"""What the audit process keeps on disk: refusals for 24 hours and, in a demo, a readable log of use.

May live here: files and their failures. May not: a queue, a retry, a socket. Everything blocks and is called from one
thread; each ``write`` keeps all of a batch, on the disk when it returns, or raises and keeps nothing of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from appliance.policy.events import Event, Kind, encode

KEPT = timedelta(hours=24)
MOST = 100_000
"""Refusals that are kept at most: whoever provokes them by the thousand fills no disk."""

_TABLE = """
CREATE TABLE IF NOT EXISTS refusal (
    code TEXT PRIMARY KEY, time REAL NOT NULL, service TEXT NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL,
    text TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refusal_time ON refusal (time);
"""
_BOUND = "DELETE FROM refusal WHERE code IN (SELECT code FROM refusal ORDER BY time DESC LIMIT -1 OFFSET ?)"


class StoreError(Exception):
    """The disk did not take it (full, broken); temporary. The text is for the carer and names no file."""


class Store(Protocol):
    """Where events go."""

    def wants(self, event: Event) -> bool:
        """Whether this store keeps such an event."""

    def write(self, events: Sequence[Event]) -> None:
        """Keep all of ``events``, or raise :class:`StoreError` and keep none."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a code stands for: a rule and a reason, and never who was refused or what he wanted."""

    time: datetime
    service: str
    reason: str
    source: str
    text: str


class UseLog:
    """Events as lines of JSON in ``path`` (mode 0600), unsealed: for a demo without real persons, and for tests."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        os.fchmod(self._file, 0o600)

    def wants(self, event: Event) -> bool:
        """Keep every kind but refusals: those are kept by code, without a person."""
        return event.kind is not Kind.REFUSED

    def write(self, events: Sequence[Event]) -> None:
        """Append ``events`` and bring them to the disk; what could be written of a failed batch is cut off again."""
        data = b"".join(encode(event) + b"\n" for event in events)
        before = os.fstat(self._file).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fdatasync(self._file)
        except OSError as error:
            os.ftruncate(self._file, before)
            raise StoreError(os.strerror(error.errno or 0)) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Refusals:
    """Refusals by code in an SQLite file at ``path``; what is older than 24 hours is overwritten with zeros.

    So are the oldest of more than ``most``.
    """

    def __init__(self, path: Path, most: int = MOST) -> None:
        self._most = most
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA secure_delete = ON")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_TABLE)

    def wants(self, event: Event) -> bool:
        """Keep refusals only."""
        return event.kind is Kind.REFUSED

    def write(self, events: Sequence[Event]) -> None:
        """Keep ``events`` in one transaction."""
        names = ("service", "reason", "source", "text")
        rows = [
            (event.fields["code"], event.time.timestamp(), *(event.fields[name] for name in names)) for event in events
        ]
        self._change(("INSERT OR REPLACE INTO refusal VALUES (?, ?, ?, ?, ?, ?)", rows), (_BOUND, [(self._most,)]))

    def forget(self, now: datetime) -> None:
        """Delete what is older than 24 hours at ``now``; raises :class:`StoreError`."""
        self._change(("DELETE FROM refusal WHERE time < ?", [((now - KEPT).timestamp(),)]))

    def find(self, code: str, now: datetime) -> Refusal | None:
        """Give what ``code`` (normalised) stands for, unless it is unknown or too old; raises :class:`StoreError`."""
        query = "SELECT time, service, reason, source, text FROM refusal WHERE code = ? AND time >= ?"
        try:
            row = self._database.execute(query, (code, (now - KEPT).timestamp())).fetchone()
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error
        if row is None:
            return None
        return Refusal(datetime.fromtimestamp(row[0], now.tzinfo), *row[1:])

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _change(self, *steps: tuple[str, Sequence[Sequence[object]]]) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                for statement, rows in steps:
                    self._database.executemany(statement, rows)
                self._database.execute("COMMIT")
            except sqlite3.Error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error
