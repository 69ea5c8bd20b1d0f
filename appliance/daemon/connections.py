"""Counting the connections of a service on asyncio: how many there may be in all and from one address, who gives way.

May live here: counts. May not: a protocol, sockets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

_HERE = "this machine"


class Closable(Protocol):
    """An open connection."""

    def last_word(self, reply: str) -> None:
        """Send ``reply`` and close."""
        ...

    def give_way(self) -> None:
        """Close, because somebody else needs the room."""
        ...


class Connections:
    """Which connections are open: at most ``most`` in all and ``each`` from one address, or one /64 of IPv6.

    Who signed in stays; of the others the oldest gives way when there are enough. Connections of this machine, such as
    the probe's, count for themselves only: they always find room, and none gives way to them.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._open: dict[Closable, str] = {}
        self._strangers: dict[Closable, None] = {}
        self._counts: Counter[str] = Counter()
        self._none = asyncio.Event()
        self._none.set()

    def __iter__(self) -> Iterator[Closable]:
        return iter(list(self._open))

    def take(self, connection: Closable, address: str) -> bool:
        """Count ``connection`` from ``address``; false, and not counted, when there are enough."""
        origin = _origin(address)
        if self._counts[origin] >= self._each:
            return False
        if origin != _HERE:
            if len(self._open) - self._counts[_HERE] >= self._most and not self._make_room():
                return False
            self._strangers[connection] = None
        self._open[connection] = origin
        self._counts[origin] += 1
        self._none.clear()
        return True

    def signed_in(self, connection: Closable) -> None:
        """Keep ``connection`` from now on, however many come."""
        self._strangers.pop(connection, None)

    def give_back(self, connection: Closable) -> None:
        """Count ``connection`` no more; does nothing when it was not counted."""
        self._strangers.pop(connection, None)
        origin = self._open.pop(connection, None)
        if origin is not None:
            self._counts[origin] -= 1
            if not self._counts[origin]:
                del self._counts[origin]
        if not self._open:
            self._none.set()

    async def none_left(self) -> None:
        """Wait until all are closed."""
        await self._none.wait()

    def _make_room(self) -> bool:
        oldest = next(iter(self._strangers), None)
        if oldest is None:
            return False
        self.give_back(oldest)
        oldest.give_way()
        return True


def _origin(address: str) -> str:
    """Give what ``address`` is counted as: whoever has one address of IPv6 has all of its /64."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if read.is_loopback:
        return _HERE
    return str(ip_network((read, 64), strict=False)) if isinstance(read, IPv6Address) else address
