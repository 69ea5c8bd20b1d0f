"""Whose open sessions at an engine must end. Pure: ``now`` is an argument.

Our own services decide their sessions again by themselves; Dovecot does not, so the supervisor watches in its place: at
each publication and whenever an answer may change by itself (a lesson ends, a lock begins).
"""

from __future__ import annotations

from datetime import datetime

from appliance.policy.account import Service
from appliance.policy.decision import Allow
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot


class Doors:
    """Remembers to whom ``service`` was open, and with which password."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._open: dict[str, datetime] = {}
        self._next_change: datetime | None = None

    @property
    def next_change(self) -> datetime | None:
        """When :meth:`look` must be called again at the latest; ``None``: at the next snapshot."""
        return self._next_change

    def look(self, snapshot: Snapshot, now: datetime) -> frozenset[str]:
        """Give the logins whose sessions must end: it was open and is not, or the password is a newer one (K04, K18).

        The first look only remembers.
        """
        before, self._open = self._open, {}
        changes: list[datetime] = []
        for login, account in snapshot.accounts.items():
            answer = decide(snapshot, Request(login, self.service), now)
            if answer.valid_until is not None:
                changes.append(answer.valid_until)
            # Who has no password yet has no session either.
            if isinstance(answer, Allow) and not account.hidden and account.password_changed_at is not None:
                self._open[login] = account.password_changed_at
        self._next_change = min(changes, default=None)
        return frozenset(
            login for login, stamp in before.items() if login not in self._open or self._open[login] > stamp
        )
