"""What a guest may do on the web, in the words of the policy: where to, how much, and whether that still holds.

May live here: questions to policy and lists, and what they mean. May not: HTTP, sockets, the sign-in (``sign_in``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Allow, Deny, Limits, Reason, Rule
from appliance.policy.events import Event, Kind
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot
from appliance.proxy.addresses import literal
from appliance.proxy.filter import Lists, covered
from appliance.proxy.replies import Cause, Refused
from appliance.proxy.sign_in import Guest
from appliance.proxy.target import Where

_PORTS: Mapping[bool, frozenset[int]] = {True: frozenset({443}), False: frozenset({80, 443})}
_PORT = Rule("built-in K13", "CONNECT goes to port 443, HTTP to 80 and 443, and to proxy.yaml exceptions")
_INSIDE = Rule("built-in K13", "only public addresses are connected to, and proxy.yaml exceptions")


class Journal(Protocol):
    """Where events go: the client of audit."""

    def record(self, event: Event) -> None:
        """Hand over ``event``; never waits and never raises."""
        ...

    def refuse(self, service: Service, reason: Reason, rule: Rule) -> str:
        """Record a refusal and give its short code."""
        ...


@dataclass(frozen=True, slots=True)
class Closed:
    """What is closed beside the policy: ``categories`` by role, but for domains that are ``always`` open.

    ``exceptions`` may be connected to although they are inside or on another port. ``source`` is the setting's place.
    """

    lists: Lists
    categories: Mapping[Role, frozenset[str]]
    always: frozenset[str] = frozenset()
    exceptions: frozenset[Where] = frozenset()
    source: str = "proxy.yaml blocked_categories"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a guest asks for: ``where``, by CONNECT (``tunnel``) or else HTTP, uploading (``action``) from ``address``.

    ``size`` is the length in bytes announced, ``None`` when it is not.
    """

    guest: Guest
    where: Where
    tunnel: bool
    action: Action
    address: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """It may be had within ``limits`` (bytes). ``inside``: addresses that are not public may be connected to."""

    limits: Limits
    inside: bool
    valid_until: datetime | None


class Gate:
    """Decides for all connections of a worker; ``closed`` is replaced when settings or lists change."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | None],
        journal: Journal,
        closed: Closed,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.closed = closed
        self.now = now
        self._snapshot = snapshot
        self._journal = journal

    def judge(self, wish: Wish) -> Passed | Refused:
        """Decide on ``wish``; a refusal is recorded."""
        snapshot = self._snapshot()
        decision = decide(snapshot, _request(wish, wish.action, wish.size), self.now())
        account = snapshot.accounts.get(wish.guest.login) if snapshot is not None else None
        if isinstance(decision, Deny):
            return self._denied(decision, wish.action)
        if not isinstance(decision, Allow) or account is None:
            return Refused(Cause.LATER)
        inside = wish.where in self.closed.exceptions or _own_machine(account, wish.where)
        if not inside and wish.where.port not in _PORTS[wish.tunnel]:
            return self._refuse(Cause.PORT, Reason.NOT_OPEN, _PORT)
        shut = self._shut(account, wish.where.host)
        if shut:
            text = f"{', '.join(sorted(shut))} closed to {account.role}"
            return self._refuse(Cause.CATEGORY, Reason.NOT_OPEN, Rule(self.closed.source, text))
        return Passed(decision.limits, inside, decision.valid_until)

    def too_large(self, wish: Wish, action: Action, size: int) -> Refused | None:
        """Refuse ``size`` bytes (``WRITE`` up, ``FETCH`` down) of what was ``wish``; ``None``: they pass by now."""
        decision = decide(self._snapshot(), _request(wish, action, size), self.now())
        return self._denied(decision, action) if isinstance(decision, Deny) else None

    def inside(self) -> Refused:
        """Refuse a name that leads to no public address."""
        return self._refuse(Cause.INSIDE, Reason.NOT_OPEN, _INSIDE)

    def newer_password(self, guest: Guest) -> bool:
        """Whether the password was changed after ``guest`` signed in with it; stamps may be of whole seconds."""
        snapshot = self._snapshot()
        account = snapshot.accounts.get(guest.login) if snapshot is not None else None
        stamp = account.password_changed_at if account is not None else None
        return stamp is not None and stamp != guest.password_changed_at and stamp >= guest.at.replace(microsecond=0)

    def ended(self, guest: Guest, why: Cause) -> None:
        """Record that a session of ``guest`` was ended by us."""
        fields = {"service": Service.WEB.value, "login": guest.login, "reason": why.value}
        self._journal.record(Event(Kind.SESSION_ENDED, self.now(), fields))

    def _shut(self, account: Account, host: str) -> frozenset[str]:
        closed = self.closed.categories.get(account.role, frozenset())
        if not closed or covered(host, self.closed.always):
            return frozenset()
        return closed & self.closed.lists.of(host)

    def _denied(self, deny: Deny, action: Action) -> Refused:
        upload = deny.reason is Reason.TOO_LARGE and action is Action.WRITE
        return self._refuse(Cause.UPLOAD_TOO_LARGE if upload else Cause(deny.reason.value), deny.reason, deny.rule)

    def _refuse(self, cause: Cause, reason: Reason, rule: Rule) -> Refused:
        return Refused(cause, self._journal.refuse(Service.WEB, reason, rule))


class WebSession:
    """One exchange or tunnel that is under way; ``end`` closes it, ``limits`` tells it what it may transfer now."""

    def __init__(
        self, gate: Gate, wish: Wish, end: Callable[[Refused], None], limits: Callable[[Limits], None]
    ) -> None:
        self._gate = gate
        self._wish = wish
        self._end = end
        self._limits = limits
        self._ended = False

    def recheck(self) -> datetime | None:
        """Decide again; end it when the answer is no (a temporary failure ends nothing)."""
        if self._ended:
            return None
        if self._gate.newer_password(self._wish.guest):
            self._close(Refused(Cause.PASSWORD_CHANGED))
            return None
        answer = self._gate.judge(self._wish)
        if isinstance(answer, Passed):
            self._limits(answer.limits)
            return answer.valid_until
        if answer.cause is not Cause.LATER:
            self._close(answer)
        return None

    def _close(self, refused: Refused) -> None:
        self._ended = True
        self._gate.ended(self._wish.guest, refused.cause)
        self._end(refused)


def _request(wish: Wish, action: Action, size: int | None) -> Request:
    return Request(wish.guest.login, Service.WEB, action, str(wish.where), wish.address, size=size)


def _own_machine(account: Account, where: Where) -> bool:
    """Whether the server's own probe asks for the server itself."""
    address = literal(where.host)
    return account.hidden and address is not None and address.is_loopback
