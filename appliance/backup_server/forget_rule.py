"""When somebody is removed from all snapshots (K24): what was asked, what is ripe, and how much in a month.

May live here: the rule, by an instant that is given. May not: a file, a clock, who is found in a snapshot. Whoever
breaks into a school's server may ask for everybody; so a request ripens for two weeks, in which people are told of it,
and only a tenth of the accounts goes in a month, unless somebody confirms it on this machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

RIPENING = timedelta(days=14)
MONTH = timedelta(days=30)
_ONE_IN = 10
_MOST_OPEN = 5_000


class Refused(Exception):
    """This cannot be asked or done; the text says why and names nobody."""


@dataclass(frozen=True, slots=True)
class Request:
    """Forget who had ``login`` and the number ``uid``; instants are aware.

    ``consent``: a consent was withdrawn, so somebody should confirm it at once. ``begun``: something may have been
    removed already. ``done``: nothing of it is left in a snapshot; ``found``: how many units were removed.
    """

    login: str
    uid: int
    asked: datetime
    consent: bool = False
    confirmed: datetime | None = None
    begun: bool = False
    done: datetime | None = None
    found: int = 0

    @property
    def id(self) -> str:
        """Twelve hex digits, by which it is named on this machine."""
        return hashlib.sha256(f"{self.uid} {self.login} {self.asked.isoformat()}".encode()).hexdigest()[:12]

    @property
    def ripe(self) -> datetime:
        """When it may be done unasked."""
        return self.asked + RIPENING

    def is_of(self, login: str, uid: int) -> bool:
        """Whether this person is meant: the same login with another number is another person."""
        return (self.login, self.uid) == (login, uid)


Requests = Sequence[Request]


def ask(requests: Requests, new: Request) -> tuple[Request, ...]:
    """Add ``new``; what was asked and is not done stays as it is, but for a consent withdrawn since.

    Raises :class:`Refused` when too many wait.
    """
    waiting = [one for one in requests if one.done is None]
    for one in waiting:
        if one.is_of(new.login, new.uid):
            return tuple(
                replace(one, consent=one.consent or new.consent) if one is other else other for other in requests
            )
    if len(waiting) >= _MOST_OPEN:
        raise Refused(f"{_MOST_OPEN} requests wait already; see schoolserver-backup-server forget list")
    return (*requests, new)


def take_back(requests: Requests, login: str, uid: int) -> tuple[Request, ...]:
    """Withdraw what was asked for this person; raises :class:`Refused` if nothing waits, or it is being done."""
    found = next((one for one in requests if one.done is None and one.is_of(login, uid)), None)
    if found is None:
        raise Refused("no request for this person waits; it may be done already")
    return _without(requests, found)


def confirm(requests: Requests, name: str, now: datetime) -> tuple[Request, ...]:
    """Somebody on this machine says that it is right; raises :class:`Refused` if nothing of that id waits."""
    found = _named(requests, name)
    return tuple(replace(one, confirmed=one.confirmed or now) if one is found else one for one in requests)


def refuse(requests: Requests, name: str) -> tuple[Request, ...]:
    """Somebody on this machine says that it is wrong; raises :class:`Refused` if nothing of that id waits."""
    return _without(requests, _named(requests, name))


def due(requests: Requests, accounts: int, now: datetime) -> tuple[Request, ...]:
    """What is to be done ``now`` in a school of so many ``accounts``: what was confirmed or begun, then the oldest.

    Of what nobody confirmed, a tenth of the accounts in 30 days, one at least. What removed nothing counts for nothing.
    A clock that was set back makes nothing ripe, and forgets nothing that was done.
    """
    waiting = [one for one in requests if one.done is None]
    sure = [one for one in waiting if one.confirmed is not None or one.begun]
    ripe = sorted((one for one in waiting if one not in sure and one.ripe <= now), key=lambda one: one.asked)
    return (*sure, *ripe[: _room(requests, accounts, now)])


def withheld(requests: Requests, accounts: int, now: datetime) -> int:
    """How many are ripe, but more than may go in a month: they wait, or for somebody to confirm them."""
    ripe = sum(one.done is None and one.confirmed is None and not one.begun and one.ripe <= now for one in requests)
    return max(0, ripe - _room(requests, accounts, now))


def remembered(requests: Requests, now: datetime) -> tuple[Request, ...]:
    """Those that still count for something: what waits, and what was done in the last month.

    What was asked later than ``now``, by a clock that was wrong, ripens from now on.
    """
    kept = [one for one in requests if one.done is None or now - one.done < MONTH]
    return tuple(replace(one, asked=now) if one.done is None and one.asked > now else one for one in kept)


def _room(requests: Requests, accounts: int, now: datetime) -> int:
    gone = sum(
        one.found > 0 and one.confirmed is None and (one.begun if one.done is None else now - one.done < MONTH)
        for one in requests
    )
    return max(0, max(1, accounts // _ONE_IN) - gone)


def _named(requests: Requests, name: str) -> Request:
    found = next((one for one in requests if one.done is None and one.id == name), None)
    if found is None:
        raise Refused("no request of that id waits; see schoolserver-backup-server forget list")
    return found


def _without(requests: Requests, found: Request) -> tuple[Request, ...]:
    if found.begun:
        raise Refused("it is being done; what is removed cannot come back")
    return tuple(one for one in requests if one is not found)
