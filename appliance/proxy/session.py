"""What a guest may do on the web, in the words of the policy: where to, how much, and whether that still holds.

May live here: questions to policy and lists, and what they mean. May not: HTTP, sockets, the sign-in (``sign_in``),
what it means to be signed in (``appliance.session``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Allow, Limits, Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.request import Action, Request
from appliance.policy.snapshot import Snapshot
from appliance.proxy.addresses import literal, nameless
from appliance.proxy.allowance import with_tls
from appliance.proxy.exempt import Exempt
from appliance.proxy.filter import Lists, covered
from appliance.proxy.line import Line
from appliance.proxy.metering import Meter, Meters
from appliance.proxy.pace import Pace
from appliance.proxy.replies import Refused, told
from appliance.proxy.target import Where, resource
from appliance.session.house import House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit

_LONGEST: Final = 60.0
"""Seconds for which requests to one site are recorded together."""
_KNOWN: Final = 20_000
_UNLIMITED: Final = Limits(1 << 62, 1 << 62)
_PORTS: Mapping[bool, frozenset[int]] = {True: frozenset({443}), False: frozenset({80, 443})}
_PORT = Rule("built-in K13", "CONNECT goes to port 443, HTTP to 80 and 443, and to proxy.yaml exceptions")
_NAMELESS = Rule("built-in K13", "a name is asked for where categories are closed, no address; proxy.yaml exceptions")
_OTHER_NAME = Rule("built-in K13", "a tunnel begins with TLS that names the site it was asked for, or an exception")
_NO_NAME = Rule("built-in K13", "a connection on its way to a site names the site in clear, or proxy.yaml unnamed")
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


class Wish(NamedTuple):
    """What a guest asks for: ``where``, by CONNECT (``tunnel``) or else HTTP, uploading (``action``) from ``address``.

    ``size`` is the length in bytes announced, ``None`` when it is not. ``caught``: on its way to the site itself, whose
    name it does not tell if it is ``unnamed``.
    """

    guest: SignedIn
    where: Where
    tunnel: bool
    action: Action
    address: str
    size: int | None = None
    caught: bool = False
    unnamed: bool = False

    @property
    def key(self) -> object:
        """What the decision depends on, but for the size, and how it is told."""
        guest, where = self.guest, self.where
        return (
            guest.login, guest.by_address, where.host, where.port, self.tunnel, self.action, self.address, self.caught,
            self.unnamed,
        )  # fmt: skip


class Outcome(StrEnum):
    """How what was under way ended; ``policy.events`` says what each means."""

    DONE = "done"
    BROKEN_OFF = "broken-off"
    REFUSED = "refused"
    FAILED = "failed"


class Gate:
    """Decides for all connections of a worker; its parts are replaced when settings or lists change.

    ``lines`` are the directions that are shared (``WRITE``: up, ``FETCH``: down). What was allowed is known until the
    snapshot, the lists or the time say otherwise: a browser opens a dozen connections to one site.
    """

    def __init__(self, house: House, closed: Closed, meters: Meters, exempt: Exempt) -> None:
        self.house = house
        self.closed = closed
        self.meters = meters
        self.exempt = exempt
        self.lines: Mapping[Action, Line] = {}
        self._allowed: dict[object, tuple[Wish, Allow]] = {}
        self._by: Snapshot | None = None

    def renew(self, closed: Closed, exempt: Exempt) -> None:
        """Decide by ``closed`` and ``exempt`` from now on."""
        self.closed = closed
        self.exempt = exempt
        self._allowed.clear()

    def admit(self, wish: Wish, now: float) -> WebSession | Obstacle:
        """Begin what is wished at ``now`` (s, monotonic), or say what stands against it."""
        passed = self._pass(wish)
        if isinstance(passed, Obstacle):
            return passed
        session = WebSession(self, *passed, now)
        return session.spent(now) or session

    def judge(self, wish: Wish) -> Allow | Obstacle:
        """Decide on ``wish``; a refusal is recorded."""
        passed = self._pass(wish)
        return passed if isinstance(passed, Obstacle) else passed[1]

    def _pass(self, wish: Wish) -> tuple[Wish, Allow] | Obstacle:
        """Decide; gives a wish like this one that others have already, if there is one: thousands are open at once."""
        snapshot = self.house.snapshot()
        if snapshot is not self._by or len(self._allowed) >= _KNOWN:
            self._by = snapshot
            self._allowed.clear()
        key = wish.key
        known = self._allowed.get(key) if wish.size is None else None
        if known is not None and (known[1].valid_until is None or self.house.now() < known[1].valid_until):
            if known[0].guest is not wish.guest:
                known = self._allowed[key] = wish, known[1]
            return known
        answer = self._judge(wish)
        if isinstance(answer, Obstacle):
            return answer
        passed = wish, answer
        if wish.size is None:
            self._allowed[key] = passed
        return passed

    def _judge(self, wish: Wish) -> Allow | Obstacle:
        exempt = self.exempt.covers(wish.where.host)
        answer = self.house.ask(_request(wish, wish.action, None if exempt else wish.size))
        if isinstance(answer, Obstacle):
            return answer
        roles = self._roles(wish.guest)
        inside = wish.unnamed or self.opens_inside(wish)
        if not inside and wish.where.port not in _PORTS[wish.tunnel]:
            return self.house.refuse(Service.WEB, Reason.CLOSED_PORT, _PORT)
        closed = frozenset[str]().union(*(self.closed.categories.get(role, ()) for role in roles))
        if not inside and closed and nameless(wish.where.host):
            return self.house.refuse(Service.WEB, Reason.CLOSED_CATEGORY, _NAMELESS)  # lists know names
        shut = self._shut(closed, wish.where.host)
        if shut:
            rule = Rule(self.closed.source, f"{', '.join(sorted(shut))} closed to {' and '.join(sorted(roles))}")
            return self.house.refuse(Service.WEB, Reason.CLOSED_CATEGORY, rule)
        return replace(answer, limits=_UNLIMITED) if exempt else answer

    def opens_inside(self, wish: Wish) -> bool:
        """Whether ``wish`` may lead to an address that is not public, and to any port."""
        account = self.house.account(wish.guest.login)
        return wish.where in self.closed.exceptions or (account is not None and _own_machine(account, wish.where))

    def refuse_size(self, wish: Wish, action: Action, size: int) -> Allow | Obstacle:
        """Decide on ``size`` bytes (``WRITE`` up, ``FETCH`` down) of what was ``wish``."""
        return self.house.ask(_request(wish, action, size))

    def too_large(self, wish: Wish, action: Action, size: int) -> Refused | None:
        """Refuse ``size`` bytes (``WRITE`` up, ``FETCH`` down) of what was ``wish``; ``None``: they pass by now."""
        answer = self.refuse_size(wish, action, size)
        if isinstance(answer, Allow) or answer.why is Hitch.LATER:
            return None
        return told(answer, action is Action.WRITE)

    def inside(self) -> Refused:
        """Refuse a name that leads to no public address."""
        return told(self.house.refuse(Service.WEB, Reason.INSIDE, _INSIDE), False)

    def other_name(self) -> Refused:
        """Refuse a tunnel that does not begin with TLS for the site it was asked for."""
        return told(self.house.refuse(Service.WEB, Reason.OTHER_NAME, _OTHER_NAME), False)

    def no_name(self) -> None:
        """Refuse a connection that says in no way that can be read which site it is for."""
        self.house.refuse(Service.WEB, Reason.NO_NAME, _NO_NAME)

    def _roles(self, guest: SignedIn) -> tuple[Role, ...]:
        """Give whose categories are closed: those of all roles to an address without owner."""
        account = self.house.account(guest.login)
        return tuple(Role) if account is None else (account.role,)

    def _shut(self, closed: frozenset[str], host: str) -> frozenset[str]:
        if not closed or covered(host, self.closed.always):
            return frozenset()
        return closed & self.closed.lists.of(host)


class Flow(Protocol):
    """What is under way in a session."""

    def stop(self, refused: Refused) -> None:
        """End, because the policy says no."""
        ...


class WebSession(Visit):
    """One tunnel, or the requests that one connection sends to one site, as long as the policy lets it go on.

    It begins at ``now`` (s, monotonic). ``wish`` is what was allowed within ``limits``; ``flow`` is what carries the
    bytes now, if anything does. ``up`` and ``down`` are the bytes that were moved until now.
    """

    __slots__ = ("_gate", "_meter", "_since", "_until", "down", "flow", "limits", "requests", "up", "wish")

    def __init__(self, gate: Gate, wish: Wish, allowed: Allow, now: float) -> None:
        super().__init__(gate.house, Service.WEB, wish.guest, wish.address, _nothing)
        self._gate = gate
        self._since = gate.house.now()
        self._until = now + _LONGEST
        counts = wish.tunnel and allowed.limits is not _UNLIMITED
        self._meter = gate.meters.of(_who(wish), wish.where.host) if counts else None
        self.valid_until = allowed.valid_until
        self.wish = wish
        self.limits = allowed.limits
        self.flow: Flow | None = None
        self.up = self.down = 0
        self.requests = 0

    def spent(self, now: float) -> Obstacle | None:
        """Refuse a tunnel to a host with which as much was exchanged as may be, until the window has moved on (K12)."""
        if self._meter is None:
            return None
        up = self._meter.frees(Action.WRITE, with_tls(self.limits.upload), now)
        down = self._meter.frees(Action.FETCH, with_tls(self.limits.download), now)
        if not up and not down:
            return None
        action = Action.WRITE if up > down else Action.FETCH
        refused = self._gate.refuse_size(self.wish, action, max(self.limits.upload, self.limits.download) + 1)
        if not isinstance(refused, Obstacle):
            return None
        self._meter.release()
        return replace(refused, retry_after=max(up, down))

    def count_up(self, size: int, now: float) -> bool:
        """Count ``size`` bytes that go up a tunnel at ``now`` (s, monotonic); whether they may pass."""
        self.up += size
        total = self.up if self._meter is None else self._meter.up(size, now)
        return total <= with_tls(self.limits.upload) or self.weigh(Action.WRITE, total) is None

    def count_down(self, size: int, now: float) -> bool:
        """Count ``size`` bytes that go down a tunnel at ``now`` (s, monotonic); whether they may pass."""
        self.down += size
        total = self.down if self._meter is None else self._meter.down(size, now)
        return total <= with_tls(self.limits.download) or self.weigh(Action.FETCH, total) is None

    def part_of(self, path: str) -> Meter:
        """Give the count of what is moved of ``path`` part by part; to be released."""
        return self._gate.meters.of(_who(self.wish), resource(self.wish.where, path))

    @property
    def paced(self) -> bool:
        """Whether the line is shared, in one direction at least."""
        return bool(self._gate.lines)

    def pace(self, action: Action, resume: Callable[[], None]) -> Pace | None:
        """Give the pace of the direction ``action``, if the line is shared."""
        lines = self._gate.lines
        line = lines.get(action) if lines else None
        return None if line is None else Pace(line.share(_who(self.wish)), resume)

    def goes_on(self, guest: SignedIn, where: Where, now: float) -> bool:
        """Whether one more request at ``now`` (s, monotonic) is part of it, if it sends nothing: nothing to decide."""
        mine = self.wish
        return (
            (mine.guest is guest or mine.guest == guest)
            and (mine.where is where or mine.where == where)
            and not (self.ended or mine.tunnel)
            and now < self._until
        )

    def over(self, outcome: Outcome) -> None:
        """Record the use (K36): where to, and never what. Whatever became of it, it was refused if we ended it."""
        self.flow = None
        if self._meter is not None:
            self._meter.release()
        where = self.wish.where
        self.record(
            Kind.WEB_USED,
            address=self.wish.address,
            host=where.host,
            port=where.port,
            way=_way(self.wish),
            since=self._since.isoformat(),
            requests=max(self.requests, 1),
            up=self.up,
            down=self.down,
            outcome=Outcome.REFUSED if self.ended else outcome,
        )

    def standing(self) -> Allow | Obstacle:
        """Whether it may go on, and with which limits."""
        answer = self._gate.judge(self.wish)
        if isinstance(answer, Allow):
            self.limits = answer.limits
        return answer

    def told(self, obstacle: Obstacle) -> None:
        """End what is under way."""
        if self.flow is not None:
            self.flow.stop(told(obstacle, self.wish.action is Action.WRITE))

    def weigh(self, action: Action, size: int) -> Refused | None:
        """Say why ``size`` bytes (``WRITE`` up, ``FETCH`` down) are too many, ``None``: they pass by now."""
        return self._gate.too_large(self.wish, action, size)


def _nothing(_obstacle: Obstacle) -> None:
    return


def _request(wish: Wish, action: Action, size: int | None) -> Request:
    return wish.guest.request(Service.WEB, action, str(wish.where), wish.address, size)


def _who(wish: Wish) -> str:
    """Give whose bytes are counted together: an account's, or those of an address without owner."""
    return wish.guest.login or wish.address


def _way(wish: Wish) -> str:
    if wish.tunnel:
        return "tls" if wish.caught else "connect"
    return "http"


def _own_machine(account: Account, where: Where) -> bool:
    """Whether the server's own probe asks for the server itself."""
    address = literal(where.host)
    return account.hidden and address is not None and address.is_loopback
