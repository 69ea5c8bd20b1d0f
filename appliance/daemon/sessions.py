"""Open sessions, decided again when what they rest on changes: a new snapshot, or a decision's ``valid_until``.

May live here: when to decide. May not: the decision, and what closing a session means.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from appliance.daemon.loop import Cancel, Loop

_log = logging.getLogger(__name__)
_SHORTEST, _LONGEST = 0.05, 30.0  # seconds: an instant may lie in the past; the clock on the wall may be set
_RETRY = timedelta(seconds=1)


class Session(Protocol):
    """Somebody signed in to a service; told apart by identity (no ``__eq__`` of its own)."""

    def recheck(self) -> datetime | None:
        """Decide again; close the session if it may not go on.

        Return the (aware) instant at which the decision may change, None if only a new snapshot can change it.
        """
        ...


def _now() -> datetime:
    return datetime.now(UTC)


class Sessions:
    """All open sessions of one worker, served by one timer of ``loop``; used from the loop's thread only."""

    def __init__(self, loop: Loop, now: Callable[[], datetime] = _now) -> None:
        self._loop = loop
        self._now = now
        self._open: dict[Session, datetime | None] = {}
        self._next: datetime | None = None
        self._cancel: Cancel = lambda: None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: Session, valid_until: datetime | None) -> None:
        """Watch ``session``, whose decision stands until ``valid_until``. Adding it again sets a new instant."""
        self._open[session] = valid_until
        if valid_until is not None and (self._next is None or valid_until < self._next):
            self._arm(valid_until)

    def remove(self, session: Session) -> None:
        """Watch ``session`` no more (it ended); does nothing when it is not known."""
        self._open.pop(session, None)

    def recheck_all(self) -> None:
        """Decide all again: the snapshot changed."""
        self._recheck(list(self._open))

    def _due(self) -> None:
        now = self._now()
        self._recheck([session for session, until in self._open.items() if until is not None and until <= now])

    def _recheck(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            if session not in self._open:
                continue  # closed by the end of another one
            try:
                until = session.recheck()
            except Exception:  # one session's error must not keep the others from being decided again
                _log.exception("a session could not be decided again")
                until = self._now() + _RETRY
            if session in self._open:
                self._open[session] = until
        self._arm(min((until for until in self._open.values() if until is not None), default=None))

    def _arm(self, instant: datetime | None) -> None:
        self._cancel()
        self._next = instant
        if instant is None:
            self._cancel = lambda: None
            return
        left = (instant - self._now()).total_seconds()
        self._cancel = self._loop.call_later(min(max(left, _SHORTEST), _LONGEST), self._due)
