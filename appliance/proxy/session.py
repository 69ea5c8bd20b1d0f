"""What a guest may do on the web, in the words of the policy: where to, how much, and whether that still holds.

May live here: questions to policy and lists, and what they mean. May not: HTTP, sockets, the sign-in (``sign_in``),
what it means to be signed in (``appliance.session``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Allow, Limits, Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.request import Action, Request
from appliance.proxy.addresses import literal, nameless
from appliance.proxy.filter import Lists, covered
from appliance.proxy.replies import Refused, told
from appliance.proxy.target import Where
from appliance.session.house import House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit

_PORTS: Mapping[bool, frozenset[int]] = {True: frozenset({443}), False: frozenset({80, 443})}
_PORT = Rule("built-in K13", "CONNECT goes to port 443, HTTP to 80 and 443, and to proxy.yaml exceptions")
_NAMELESS = Rule("built-in K13", "a name is asked for where categories are closed, no address; proxy.yaml exceptions")
_INSIDE = Rule("built-in K13", "only public addresses are connected to, and proxy.yaml exceptions")


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

    guest: SignedIn
    where: Where
    tunnel: bool
    action: Action
    address: str
    size: int | None = None


class Outcome(StrEnum):
    """How what was under way ended; ``policy.events`` says what each means."""

    DONE = "done"
    BROKEN_OFF = "broken-off"
    REFUSED = "refused"
    FAILED = "failed"


class Gate:
    """Decides for all connections of a worker; ``closed`` is replaced when settings or lists change."""

    def __init__(self, house: House, closed: Closed) -> None:
        self.house = house
        self.closed = closed

    def judge(self, wish: Wish) -> Allow | Obstacle:
        """Decide on ``wish``; a refusal is recorded."""
        answer, account = self.house.ask(_request(wish, wish.action, wish.size)), self.house.account(wish.guest.login)
        if isinstance(answer, Obstacle):
            return answer
        if account is None:
            return Obstacle(Hitch.LATER)
        inside = self.opens_inside(wish)
        if not inside and wish.where.port not in _PORTS[wish.tunnel]:
            return self.house.refuse(Service.WEB, Reason.CLOSED_PORT, _PORT)
        if not inside and nameless(wish.where.host) and self.closed.categories.get(account.role):
            return self.house.refuse(Service.WEB, Reason.CLOSED_CATEGORY, _NAMELESS)  # lists know names
        shut = self._shut(account, wish.where.host)
        if shut:
            rule = Rule(self.closed.source, f"{', '.join(sorted(shut))} closed to {account.role}")
            return self.house.refuse(Service.WEB, Reason.CLOSED_CATEGORY, rule)
        return answer

    def opens_inside(self, wish: Wish) -> bool:
        """Whether ``wish`` may lead to an address that is not public, and to any port."""
        account = self.house.account(wish.guest.login)
        return wish.where in self.closed.exceptions or (account is not None and _own_machine(account, wish.where))

    def too_large(self, wish: Wish, action: Action, size: int) -> Refused | None:
        """Refuse ``size`` bytes (``WRITE`` up, ``FETCH`` down) of what was ``wish``; ``None``: they pass by now."""
        answer = self.house.ask(_request(wish, action, size))
        if isinstance(answer, Allow) or answer.why is Hitch.LATER:
            return None
        return told(answer, action is Action.WRITE)

    def inside(self) -> Refused:
        """Refuse a name that leads to no public address."""
        return told(self.house.refuse(Service.WEB, Reason.INSIDE, _INSIDE), False)

    def _shut(self, account: Account, host: str) -> frozenset[str]:
        closed = self.closed.categories.get(account.role, frozenset())
        if not closed or covered(host, self.closed.always):
            return frozenset()
        return closed & self.closed.lists.of(host)


class WebSession:
    """One exchange or tunnel that is under way; ``end`` closes it, ``limits`` tells it what it may transfer now."""

    def __init__(
        self, gate: Gate, wish: Wish, end: Callable[[Refused], None], limits: Callable[[Limits], None]
    ) -> None:
        self._gate = gate
        self._wish = wish
        self._limits = limits
        self._since = gate.house.now()
        upload = wish.action is Action.WRITE
        self.visit = Visit(
            gate.house, Service.WEB, wish.guest, wish.address, lambda why: end(told(why, upload)), self._standing
        )

    def over(self, outcome: Outcome, up: int, down: int) -> None:
        """Record the use, ``up`` and ``down`` being the bytes that were moved (K36): where to, and never what.

        Whatever became of it, it was refused if the session was ended by us.
        """
        where = self._wish.where
        self.visit.record(
            Kind.WEB_USED,
            address=self._wish.address,
            host=where.host,
            port=where.port,
            way="connect" if self._wish.tunnel else "http",
            since=self._since.isoformat(),
            up=up,
            down=down,
            outcome=(Outcome.REFUSED if self.visit.ended else outcome).value,
        )

    def _standing(self) -> Allow | Obstacle:
        answer = self._gate.judge(self._wish)
        if isinstance(answer, Allow):
            self._limits(answer.limits)
        return answer


def _request(wish: Wish, action: Action, size: int | None) -> Request:
    return wish.guest.request(Service.WEB, action, str(wish.where), wish.address, size)


def _own_machine(account: Account, where: Where) -> bool:
    """Whether the server's own probe asks for the server itself."""
    address = literal(where.host)
    return account.hidden and address is not None and address.is_loopback
