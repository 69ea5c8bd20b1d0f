"""Whose open sessions at an engine must end. Pure: ``now`` is an argument.

Our own services decide their sessions again by themselves; Dovecot does not, so the supervisor watches in its place: at
each publication and whenever an answer may change by itself (a lesson ends, a lock begins). From where a session came
only the engine knows, so each place that a rule tells apart is asked for: whoever loses one of them loses his sessions,
and signs in again where he still may (K19).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.policy.account import Service
from appliance.policy.decision import Allow, Deny, Reason
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot

_JUST_NOW = timedelta(minutes=1)
_Place = str | None
"""A room, or anywhere that is in none."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """The places to ask for, and the networks of all rooms while that matters: another one moves sessions about."""

    places: frozenset[_Place] = frozenset({None})
    rooms: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class _Opening:
    """Where it is open to a login whose password is of ``stamp``."""

    places: frozenset[_Place]
    stamp: datetime


class Doors:
    """Remembers to whom ``service`` was open, from where, and with which password."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._layout = _Layout()
        self._open: dict[str, _Opening] = {}
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
        layout, self._layout = self._layout, self._layout_of(snapshot)
        changes: list[datetime] = []
        for login, account in snapshot.accounts.items():
            answers = {
                place: decide(snapshot, Request(login, self.service, room=place), now) for place in self._layout.places
            }
            changes += [answer.valid_until for answer in answers.values() if answer.valid_until is not None]
            places = frozenset(place for place, answer in answers.items() if isinstance(answer, Allow))
            # Who has no password yet has no session either.
            if places and not account.hidden and account.password_changed_at is not None:
                self._open[login] = _Opening(places, account.password_changed_at)
        self._next_change = min(changes, default=None)
        moved = layout != self._layout
        return frozenset(login for login, was in before.items() if self._lost(was, self._open.get(login), moved))

    def _layout_of(self, snapshot: Snapshot) -> _Layout:
        rooms = frozenset(room for rule in snapshot.rules if self.service in rule.services for room in rule.rooms)
        return _Layout(rooms | {None}, snapshot.rooms) if rooms else _Layout()

    def _lost(self, was: _Opening, now: _Opening | None, moved: bool) -> bool:
        """Where rooms have ``moved``, a session may be anywhere now."""
        if now is None or now.stamp > was.stamp:
            return True
        return not (self._layout.places if moved else was.places) <= now.places


def why_ended(snapshot: Snapshot | None, service: Service, login: str, now: datetime) -> str:
    """Give the reason for which sessions of ``login`` had to end, in the words that our own services record."""
    decision = decide(snapshot, Request(login, service), now)
    if isinstance(decision, Deny):
        return decision.reason.value
    account = None if snapshot is None else snapshot.accounts.get(login)
    stamp = None if account is None else account.password_changed_at
    new_password = stamp is not None and now - stamp < _JUST_NOW
    return "password-changed" if new_password else Reason.NOT_OPEN.value  # no more from where he was
