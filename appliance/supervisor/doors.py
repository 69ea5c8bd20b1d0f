"""Whose open sessions at an engine must end. Pure: ``now`` is an argument.

Our own services decide their sessions again by themselves; Dovecot does not, so the supervisor watches in its place: at
each publication and whenever an answer may change by itself (a lesson ends, a lock begins). From where a session came
only the engine knows, so each place that a rule tells apart is asked for: whoever loses one of them loses his sessions,
and signs in again where he still may (K19). So does he whose quota or limit shrinks: an engine asks for both when a
session begins, and keeps to them until it ends (K11, K12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from appliance.policy.account import Service
from appliance.policy.decision import Allow, Deny, Reason
from appliance.policy.limits import largest_size
from appliance.policy.request import Action, Request
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
    """Where it is open to a login whose password is of ``stamp``, with the bytes of the largest upload there.

    ``quota``: bytes for all, infinite where there is no bound.
    """

    places: Mapping[_Place, int]
    stamp: datetime
    quota: float

    def shrinks(self, now: _Opening) -> bool:
        """Whether ``now`` less is allowed in one of the places; one that is not told apart any more is anywhere."""
        anywhere = now.places.get(None, inf)
        smaller = any(now.places.get(place, anywhere) < largest for place, largest in self.places.items())
        return smaller or now.quota < self.quota


class Doors:
    """Remembers to whom ``service`` was open, from where, with which password and within which bounds."""

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

        So they must where the bounds are narrower now. The first look only remembers.
        """
        before, self._open = self._open, {}
        layout, self._layout = self._layout, self._layout_of(snapshot)
        changes: list[datetime] = []
        for login, account in snapshot.accounts.items():
            answers = {
                place: decide(snapshot, Request(login, self.service, room=place), now) for place in self._layout.places
            }
            changes += [answer.valid_until for answer in answers.values() if answer.valid_until is not None]
            places = {
                place: largest_size(snapshot.limits, answer.limits, self.service, Action.SEND)
                for place, answer in answers.items()
                if isinstance(answer, Allow)
            }
            # Who has no password yet has no session either.
            if places and not account.hidden and account.password_changed_at is not None:
                self._open[login] = _Opening(places, account.password_changed_at, account.quota or inf)
        self._next_change = min(changes, default=None)
        moved = layout != self._layout
        return frozenset(login for login, was in before.items() if self._lost(was, self._open.get(login), moved))

    def _layout_of(self, snapshot: Snapshot) -> _Layout:
        rooms = frozenset(room for rule in snapshot.rules if self.service in rule.services for room in rule.rooms)
        rooms |= {rule.room for rule in snapshot.limits.rules if rule.room and rule.service in (None, self.service)}
        return _Layout(rooms | {None}, snapshot.rooms) if rooms else _Layout()

    def _lost(self, was: _Opening, now: _Opening | None, moved: bool) -> bool:
        """Where rooms have ``moved``, a session may be anywhere now."""
        if now is None or now.stamp > was.stamp or was.shrinks(now):
            return True
        return not (self._layout.places if moved else was.places.keys()) <= now.places.keys()


def why_ended(snapshot: Snapshot | None, service: Service, login: str, now: datetime) -> str:
    """Give the reason for which sessions of ``login`` had to end, in the words that our own services record."""
    decision = decide(snapshot, Request(login, service), now)
    if isinstance(decision, Deny):
        return decision.reason.value
    account = None if snapshot is None else snapshot.accounts.get(login)
    stamp = None if account is None else account.password_changed_at
    new_password = stamp is not None and now - stamp < _JUST_NOW
    if new_password:
        return "password-changed"
    told_apart = snapshot is not None and any(service in rule.services and rule.rooms for rule in snapshot.rules)
    return Reason.NOT_OPEN.value if told_apart else "bounds-changed"  # no more from where he was, or no more as much
