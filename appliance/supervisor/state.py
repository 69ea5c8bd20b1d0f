"""The supervisor's own database: what the directory and the settings do not know, crash-safe.

May live here: opening, format, transactions, what a broken file or a full disk is called. May not: what the tables mean
(``people``, ``locks``, ``versions``, ``alerts_memory``), nor any rule. Blocking: call it from threads.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.daemon.logs import Told

LOG = logging.getLogger(__name__)

APPLICATION_ID = 0x53634853
"""Written into the file's head, so that a stranger's SQLite file is not taken for ours."""

FORMAT = 6
"""The format this program writes; the file's ``user_version``. Older ones are brought up, newer ones refused."""

_UPGRADES: dict[int, str] = {
    1: """
    CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE person (
        uid INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, source_id TEXT UNIQUE, birth_date TEXT);
    CREATE TABLE consent (
        uid INTEGER NOT NULL, consent TEXT NOT NULL, version TEXT NOT NULL, given_at TEXT NOT NULL, by TEXT NOT NULL,
        PRIMARY KEY (uid, consent)) WITHOUT ROWID;
    CREATE TABLE lock (
        id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, service TEXT,
        since TEXT NOT NULL, until TEXT, reason TEXT NOT NULL, by TEXT NOT NULL);
    CREATE INDEX lock_of ON lock (uid);
    CREATE TABLE home (uid INTEGER PRIMARY KEY);
    CREATE TABLE kick (login TEXT NOT NULL, service TEXT NOT NULL, PRIMARY KEY (login, service)) WITHOUT ROWID;
    """,
    2: """
    CREATE TABLE exemption (
        id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER, gid INTEGER, size INTEGER NOT NULL, since TEXT NOT NULL,
        until TEXT NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL, CHECK ((uid IS NULL) <> (gid IS NULL)));
    CREATE TABLE quota (
        uid INTEGER PRIMARY KEY, size INTEGER NOT NULL, since TEXT NOT NULL, until TEXT, reason TEXT NOT NULL,
        by TEXT NOT NULL);
    """,
    3: """
    CREATE TABLE alert (name TEXT PRIMARY KEY, since TEXT NOT NULL, well_since TEXT, told_at TEXT) WITHOUT ROWID;
    CREATE TABLE notice (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
    CREATE TABLE engine (name TEXT PRIMARY KEY, version TEXT NOT NULL) WITHOUT ROWID;
    """,
    4: """
    CREATE TABLE quota_warned (uid INTEGER PRIMARY KEY, share INTEGER NOT NULL);
    """,
    5: """
    CREATE TABLE binding (
        address TEXT PRIMARY KEY, uid INTEGER NOT NULL, since TEXT NOT NULL, until TEXT NOT NULL, by TEXT NOT NULL)
        WITHOUT ROWID;
    """,
    6: """
    CREATE TABLE lesson (
        id INTEGER PRIMARY KEY AUTOINCREMENT, measure TEXT NOT NULL, gid INTEGER, room TEXT, targets TEXT NOT NULL,
        log_on INTEGER NOT NULL,
        since TEXT NOT NULL, until TEXT NOT NULL, by TEXT NOT NULL);
    """,
}


class StateError(Told):
    """The state cannot be used; the text says why and what to do. Nothing of the refused change was kept."""


class BrokenState(StateError):
    """The file is damaged, a stranger's, or of a newer program: it is never replaced by an empty one."""


class State:
    """One SQLite file in WAL mode; one writer at a time, any thread."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at ``path`` (0600); raises :class:`StateError`."""
        self._path = path
        self._guard = threading.RLock()
        self._generation = 0
        try:
            self._database = self._open(path)
        except sqlite3.Error as problem:
            raise self._explained(problem) from problem

    @property
    def generation(self) -> int:
        """A number that is another one after each committed change of what is published."""
        return self._generation

    @contextmanager
    def change(self, *, published: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is on disk when the block is left, or none of it (:class:`StateError`).

        ``published``: whether a snapshot is made of what changes.
        """
        with self._guard:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield self._database
                except BaseException:
                    self._roll_back()
                    raise
                self._database.execute("COMMIT")
                self._generation += published
            except sqlite3.Error as problem:
                self._roll_back()
                raise self._explained(problem) from problem

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection for reading only; raises :class:`StateError`."""
        with self._guard:
            try:
                yield self._database
            except sqlite3.Error as problem:
                raise self._explained(problem) from problem

    def close(self) -> None:
        """Close the file; further calls fail."""
        with self._guard:
            self._database.close()

    def _open(self, path: Path) -> sqlite3.Connection:
        fresh = not path.exists() or path.stat().st_size == 0
        if fresh:
            # SQLite gives its side files the mode of the main one.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(database, fresh)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection, fresh: bool) -> None:
        if not fresh:
            verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise BrokenState(f"{self._path} is damaged ({verdict}); restore it from the backup")
        # FULL: a lock that was confirmed is still there after a power cut. secure_delete: deleted is gone (K23).
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            database.execute(f"PRAGMA {pragma}")
        found: int = database.execute("PRAGMA user_version").fetchone()[0]
        owner: int = database.execute("PRAGMA application_id").fetchone()[0]
        tables: int = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if owner not in {0, APPLICATION_ID} or (owner == 0 and tables):
            raise BrokenState(f"{self._path} is not a state of this program; move it away or restore the right one")
        if found > FORMAT:
            raise BrokenState(
                f"{self._path} has format {found}, this program knows up to {FORMAT}: upgrade the program"
            )
        for step in range(found + 1, FORMAT + 1):
            database.executescript(
                f"BEGIN IMMEDIATE; {_UPGRADES[step]}; PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {step}; COMMIT;"
            )
            LOG.info("state brought to format %d", step)
        # A new state never continues an old count: its epoch is the hour of its birth.
        database.execute("INSERT OR IGNORE INTO number VALUES ('epoch', ?)", (int(time.time()),))

    def _roll_back(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")

    def _explained(self, problem: sqlite3.Error) -> StateError:
        if isinstance(problem, sqlite3.DatabaseError) and not isinstance(
            problem, (sqlite3.OperationalError, sqlite3.IntegrityError)
        ):
            return BrokenState(f"{self._path} is damaged ({problem}); restore it from the backup")
        if "full" in str(problem):
            return StateError(f"no space left for {self._path}; nothing was changed")
        return StateError(f"{self._path}: {problem}; nothing was changed")
