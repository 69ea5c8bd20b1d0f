"""Who is at home over SMB: a person in an smbd, and each smbd with all that sit in it.

May live here: one person's sign-in there, decided again like every session, and what files he may make. May not:
listeners, the disk. An smbd may hold several people (a PC with fast user switching): the strictest bound counts, and
whoever must go takes the others along, whose PC comes back by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from appliance.fileshare.smb.smbd import Smbd
from appliance.policy.account import Account, Service
from appliance.policy.decision import Allow, Reason
from appliance.policy.events import Kind
from appliance.policy.request import Action
from appliance.session.house import House
from appliance.session.obstacle import Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit, enter_as

SETTLE: Final = timedelta(seconds=1)
"""Who came so shortly after an exam began may have come before we knew of it."""


@dataclass(slots=True)
class Seat:
    """One smbd: who sits in it, how much it had written when it was looked at last, and see ``bounds.Room``."""

    smbd: Smbd
    guests: dict[str, Guest] = field(default_factory=dict)
    written: int = 0
    grown: int = 0
    ending: bool = False


class Guest:
    """A person in ``seat``, an smbd, from ``address``: a session of :class:`appliance.daemon.sessions.Sessions`.

    ``end(guest)`` is called once, when he may stay no longer. ``upload`` is the largest file in bytes that he may make
    by the limits, ``quota`` his space (0: no bound). What the kernel lets him do in the smbd stands since its sign-in:
    other ids or groups end it, and so does an exam that began later: folders of groups may be open there.
    """

    def __init__(self, seat: Seat, visit: Visit, account: Account, address: str, end: Callable[[Guest], None]) -> None:
        self.seat = seat
        self.visit = visit
        self.login = account.login
        self.uid = account.uid
        self.address = address
        self.upload = 0
        self.quota = account.quota
        self._groups = account.groups
        self._end = end
        self._measure()

    @property
    def grown(self) -> int:
        """The size that the largest file open in his smbd had when he was counted last."""
        return self.seat.grown

    def recheck(self) -> datetime | None:
        """Decide again; the instant at which to ask next."""
        account = self.visit.account
        if account is not None and (account.uid, account.groups) != (self.uid, self._groups):
            self._over("groups-changed")
            return None
        if self.visit.in_exam() and not self.visit.in_exam(self.visit.who.at - SETTLE):
            self._over(Reason.EXAM.value)
            return None
        until = self.visit.recheck()
        if account is not None and not self.visit.ended:
            self.quota = account.quota
            self._measure()
        return until

    def _over(self, reason: str) -> None:
        self.visit.record(Kind.SESSION_ENDED, service=Service.FILES.value, reason=reason)
        self.visit.ended = True
        self._end(self)

    def _measure(self) -> None:
        answer = self.visit.ask(Action.WRITE)
        if isinstance(answer, Allow):
            self.upload = answer.limits.upload


def admitted(house: House, seat: Seat, who: SignedIn, address: str, end: Callable[[Guest], None]) -> Guest | Obstacle:
    """Let in ``who`` signed in to ``seat``, if the policy does; see :class:`Guest`."""
    guests: list[Guest] = []
    found = enter_as(house, Service.FILES, who, address, lambda _why: end(guests[0]))
    if isinstance(found, Obstacle):
        return found
    account = found.account
    if account is None:  # the snapshot changed between two lines: never
        raise LookupError("an account that is let in is known")
    guests.append(Guest(seat, found, account, address, end))
    return guests[0]
