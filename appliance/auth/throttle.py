"""Who may try a password now, over all services. Pure: instants are arguments, nothing is logged.

Three counts of failures, each with its own allowance, in the order in which they begin to hurt:

* the pair of account and address, so that a pupil who hammers his teacher's login from one computer delays himself;
* the address, for whoever tries one password with many logins;
* the account, at a bar so high that it takes many addresses to reach it.

The last two do not hold up a familiar pair, an address from which the account's owner has signed in before: neither
one bad machine behind an address that many share nor many bad ones elsewhere can lock him out.

An attempt that is delayed is not checked and not counted. Unknown logins are counted like known ones.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from appliance.daemon.counts import Counts, Pace


@dataclass(frozen=True, slots=True)
class Allowances:
    """Failures that cost nothing, per pair, address and account; each is forgotten evenly over ``window`` seconds."""

    pair: int = 5
    address: int = 50
    account: int = 200
    window: float = 900.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An admitted attempt; give it back to ``Throttle.settle`` exactly once."""

    pair: str
    address: str | None
    account: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: no attempt is admitted for ``seconds``."""

    seconds: float


class Throttle:
    """The counts. ``capacity`` bounds each of its tables in keys; instants are seconds of one monotonic clock."""

    def __init__(self, allowances: Allowances, pace: Pace, capacity: int = 20_000) -> None:
        window = allowances.window
        self._pairs = Counts(allowances.pair, window, pace, capacity)
        self._addresses = Counts(allowances.address, window, pace, capacity)
        self._accounts = Counts(allowances.account, window, pace, capacity)
        self._familiar: OrderedDict[str, None] = OrderedDict()
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._pairs) + len(self._addresses) + len(self._accounts) + len(self._familiar)

    def admit(self, login: str, address: str | None, now: float) -> Attempt | Wait:
        """Admit an attempt to sign in as ``login`` (canonical) from ``address`` (IP as text; ``None``: this machine).

        Raises ``ValueError`` for an address that is none.
        """
        place = None if address is None else _place(address)
        attempt = Attempt(f"{place or ''}\0{login}", place, login)
        seconds = self._pairs.wait(attempt.pair, now)
        if attempt.pair not in self._familiar:
            seconds = max(seconds, self._accounts.wait(login, now))
            if place is not None:
                seconds = max(seconds, self._addresses.wait(place, now))
        if seconds > 0:
            return Wait(seconds)
        for counts, key in self._keys(attempt):
            counts.start(key, now)
        return attempt

    def settle(self, attempt: Attempt, right: bool | None, now: float) -> None:
        """Say how it went: ``True`` the password was right, ``False`` wrong, ``None`` nobody could tell.

        A right one clears the pair only: with an account of his own nobody clears what he did to others.
        """
        for counts, key in self._keys(attempt):
            if right is False:
                counts.failed(key, now)
            else:
                counts.dropped(key, forget=bool(right) and counts is self._pairs)
        if right:
            self._familiar[attempt.pair] = None
            self._familiar.move_to_end(attempt.pair)
            if len(self._familiar) > self._capacity:
                self._familiar.popitem(last=False)

    def _keys(self, attempt: Attempt) -> list[tuple[Counts, str]]:
        keys = [(self._pairs, attempt.pair), (self._accounts, attempt.account)]
        if attempt.address is not None:
            keys.append((self._addresses, attempt.address))
        return keys


def _place(address: str) -> str:
    """One key for what one client can choose freely: an IPv6 host owns its whole /64."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)
