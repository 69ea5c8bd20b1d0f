"""What stands between a guest and a site: the policy with what the lists say, then ports and addresses.

May live here: questions to the policy, what it needs to know of the lists, what was allowed a moment ago. May not:
HTTP, sockets, which rule decides (``policy.web``), what is under way (``session``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from appliance.filter.safe_search import Table, enforcing_host
from appliance.policy.account import Service
from appliance.policy.decision import Allow, Limits, Reason, Rule
from appliance.policy.request import Action, Request
from appliance.policy.safe_search import SearchRule, safe_search
from appliance.policy.snapshot import Snapshot
from appliance.policy.web import ADDRESS, UNLISTED
from appliance.proxy.addresses import is_loopback, nameless
from appliance.proxy.exempt import Exempt
from appliance.proxy.line import Line
from appliance.proxy.metering import Meters
from appliance.proxy.replies import Refused, told
from appliance.proxy.target import Where
from appliance.proxy.uses import Uses
from appliance.session.house import House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn

UNLIMITED: Final = Limits(1 << 62, 1 << 62)
"""The limits of what is exempt."""
_KNOWN: Final = 20_000
_UNLISTED: Final = frozenset({UNLISTED})
_ADDRESS: Final = frozenset({ADDRESS})
_PORTS: Mapping[bool, frozenset[int]] = {True: frozenset({443}), False: frozenset({80, 443})}
_SEARCH: Final = "what is searched safely has changed: a connection from before goes elsewhere"
_PORT = Rule("built-in K13", "CONNECT goes to port 443, HTTP to 80 and 443, and to proxy.yaml exceptions")
_OTHER_NAME = Rule("built-in K13", "a tunnel begins with TLS that names the site it was asked for, or an exception")
_NO_NAME = Rule("built-in K13", "a connection on its way to a site names the site in clear, or proxy.yaml unnamed")
_INSIDE = Rule("built-in K13", "only public addresses are connected to, and proxy.yaml exceptions")


class Catalogue(Protocol):
    """Which categories a site is in: the compiled lists."""

    def of(self, host: str) -> frozenset[str]:
        """Give the categories of ``host`` (lower case, IDNA), by itself or by a domain above it."""
        ...

    def of_url(self, host: str, path: str) -> frozenset[str]:
        """Give the categories of what ``path`` (as asked for, with a query) is at ``host``, those of the host too."""
        ...

    def by_path(self, host: str) -> bool:
        """Whether those may be others for another path at ``host``."""
        ...


@dataclass(slots=True, eq=False)
class Wish:
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
    key: object = field(init=False, repr=False)
    """What the decision depends on, but for the size, and how it is told."""

    def __post_init__(self) -> None:
        guest, where = self.guest, self.where
        self.key = (
            guest.login, guest.by_address, where.host, where.port, self.tunnel, self.action, self.address, self.caught,
            self.unnamed,
        )  # fmt: skip


class Passage(NamedTuple):
    """What may pass: a ``wish`` as far as it is ``allowed``, by connecting to ``way``.

    That is where it was wished, or what makes search safe there; ``inside``: whether it may be an address that is not
    public, and another port.
    """

    wish: Wish
    allowed: Allow
    way: Where
    inside: bool


class Gate:
    """Decides for all connections of a worker; its parts are replaced when settings or lists change.

    ``exceptions`` may be connected to although they are inside or on another port. ``lines`` are the directions that
    are shared (``WRITE``: up, ``FETCH``: down). What was allowed is known until the snapshot, the settings, the lists
    or the time say otherwise: a browser opens a dozen connections to one site. ``table`` has the hosts that enforce
    safe search.
    """

    def __init__(
        self,
        house: House,
        lists: Catalogue,
        exceptions: frozenset[Where],
        meters: Meters,
        exempt: Exempt,
        table: Table = MappingProxyType({}),
    ) -> None:
        self.house = house
        self.uses = Uses(house)
        self.lists = lists
        self.exceptions = exceptions
        self.meters = meters
        self.exempt = exempt
        self._table = table
        self.lines: Mapping[Action, Line] = {}
        self._allowed: dict[object, Passage] = {}
        self._by: Snapshot | None = None

    def renew(self, lists: Catalogue, exceptions: frozenset[Where], exempt: Exempt) -> None:
        """Decide by these from now on."""
        self.lists = lists
        self.exceptions = exceptions
        self.exempt = exempt
        self._allowed.clear()

    def judge(self, wish: Wish, path: str = "") -> Passage | Obstacle:
        """Decide on ``wish``, and by HTTP on the ``path`` that is asked for; a refusal is recorded.

        Gives what was given for a wish like this one before, if that still counts: thousands are open at once.
        """
        snapshot = self.house.snapshot()
        if snapshot is not self._by or len(self._allowed) >= _KNOWN:
            self._by = snapshot
            self._allowed.clear()
        found = None if wish.tunnel else self.lists.of_url(wish.where.host, path)
        key = wish.key if found is None else (wish.key, found)
        known = self._allowed.get(key) if wish.size is None else None
        if known is not None and (known.allowed.valid_until is None or self.house.now() < known.allowed.valid_until):
            if known.wish.guest is not wish.guest:
                known = self._allowed[key] = known._replace(wish=wish)
            return known
        answer = self._judge(wish, self.lists.of(wish.where.host) if found is None else found)
        if isinstance(answer, Obstacle):
            return answer
        passed = Passage(wish, answer, self._way(wish), self._opens_inside(wish))
        if wish.size is None:
            self._allowed[key] = passed
        return passed

    def _judge(self, wish: Wish, found: frozenset[str]) -> Allow | Obstacle:
        exempt = self.exempt.covers(wish.where.host)
        answer = self.house.ask(self._request(wish, wish.action, None if exempt else wish.size, found))
        if isinstance(answer, Obstacle):
            return answer
        if wish.where.port not in _PORTS[wish.tunnel] and not self._led(wish):
            return self.house.refuse(Service.WEB, Reason.CLOSED_PORT, _PORT)
        return replace(answer, limits=UNLIMITED) if exempt else answer

    def _way(self, wish: Wish) -> Where:
        """Give where is connected to for ``wish``: there, or at the address of the host that enforces safe search."""
        if wish.where.host not in self._table:
            return wish.where
        host = enforcing_host(self._table, wish.where.host, self._search_rule(wish))
        return wish.where if host is None else Where(host, wish.where.port)

    def search_changed(self, wish: Wish) -> Obstacle:
        """Refuse to go on by a way that is not the one for ``wish`` any longer."""
        return self.house.refuse(Service.WEB, Reason.SEARCH_CHANGED, Rule(self._search_rule(wish).source, _SEARCH))

    def _search_rule(self, wish: Wish) -> SearchRule:
        snapshot = self.house.snapshot()
        return safe_search(() if snapshot is None else snapshot.safe_search, self.house.account(wish.guest.login))

    def _opens_inside(self, wish: Wish) -> bool:
        """Whether ``wish`` may lead to an address that is not public, and to any port.

        So may what the server's own probe asks of the server itself.
        """
        if wish.where in self.exceptions:
            return True
        account = self.house.account(wish.guest.login)
        return account is not None and account.hidden and is_loopback(wish.where.host)

    def listed(self, wish: Wish, path: str = "") -> frozenset[str]:
        """Give what the lists say of ``wish``, in the words of the policy."""
        return self._in_words(wish, self._found(wish, path))

    def weigh(self, wish: Wish, action: Action, size: int, path: str = "") -> Allow | Obstacle:
        """Decide on ``size`` bytes (``WRITE`` up, ``FETCH`` down) of what was ``wish``."""
        return self.house.ask(self._request(wish, action, size, self._found(wish, path)))

    def too_large(self, wish: Wish, action: Action, size: int, path: str = "") -> Refused | None:
        """Refuse ``size`` bytes (``WRITE`` up, ``FETCH`` down) of what was ``wish``; ``None``: they pass by now."""
        answer = self.weigh(wish, action, size, path)
        if isinstance(answer, Allow) or answer.why is Hitch.LATER:
            return None
        return told(answer, action is Action.WRITE)

    def inside(self) -> Refused:
        """Refuse a name that leads to no public address."""
        return told(self.no_exception(), False)

    def no_exception(self) -> Obstacle:
        """Refuse to go on with what was an exception, and may lead inside."""
        return self.house.refuse(Service.WEB, Reason.INSIDE, _INSIDE)

    def other_name(self) -> Refused:
        """Refuse a tunnel that does not begin with TLS for the site it was asked for."""
        return told(self.house.refuse(Service.WEB, Reason.OTHER_NAME, _OTHER_NAME), False)

    def no_name(self) -> None:
        """Refuse a connection that says in no way that can be read which site it is for."""
        self.house.refuse(Service.WEB, Reason.NO_NAME, _NO_NAME)

    def _led(self, wish: Wish) -> bool:
        """Whether somebody named the very place by hand, with its port and whatever is there."""
        return wish.unnamed or self._opens_inside(wish)

    def _found(self, wish: Wish, path: str) -> frozenset[str]:
        host = wish.where.host
        return self.lists.of(host) if wish.tunnel else self.lists.of_url(host, path)

    def _in_words(self, wish: Wish, found: frozenset[str]) -> frozenset[str]:
        if nameless(wish.where.host) and not self._led(wish):
            return found | _ADDRESS  # lists know names
        return found or _UNLISTED

    def _request(self, wish: Wish, action: Action, size: int | None, found: frozenset[str]) -> Request:
        listed = self._in_words(wish, found)
        return wish.guest.request(Service.WEB, action, str(wish.where), wish.address, size, listed)
