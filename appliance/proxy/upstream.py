"""Connecting to an origin: the name looked up once, its addresses judged, exactly these connected to.

May live here: which addresses of a site are tried. May not: look-up (``names``), attempts (``dial``), what is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from appliance.daemon.logs import describe
from appliance.proxy.addresses import Address, Network, literal, numeric, public
from appliance.proxy.deadlines import Deadlines
from appliance.proxy.dial import Connected, Dial
from appliance.proxy.eyeballs import in_turn
from appliance.proxy.names import Missing, Names
from appliance.proxy.poll import Poller
from appliance.proxy.replies import Cause
from appliance.proxy.target import Where

_log = logging.getLogger(__name__)
_KNOWN = 10_000


class Connecting(Protocol):
    """What leads to a wire."""

    def cancel(self) -> None:
        """Give up, and tell nobody: whoever asked is gone."""
        ...


class _LookUp:
    """A look-up, and the attempts after it; ``over``: nothing more is told because of the look-up itself."""

    __slots__ = ("dial", "over")

    def __init__(self) -> None:
        self.dial: Dial | None = None
        self.over = False

    @property
    def wanted(self) -> bool:
        return not self.over if self.dial is None else self.dial.wanted

    def cancel(self) -> None:
        self.over = True
        if self.dial is not None:
            self.dial.cancel()


class Connector:
    """Connects to origins; ``own`` are the school's networks, ``timeout`` seconds are for one origin altogether."""

    def __init__(
        self, poller: Poller, deadlines: Deadlines, names: Names, timeout: float, own: Iterable[Network] = ()
    ) -> None:
        self._poller = poller
        self._deadlines = deadlines
        self.names = names
        self._timeout = timeout
        self._own = tuple(own)
        self._judged: dict[tuple[str, bool], tuple[Sequence[Address], list[str]]] = {}

    def connect(self, where: Where, inside: bool, connected: Connected) -> Connecting | None:
        """Connect to ``where`` and call ``connected`` once with the wire or why there is none; ``None``: it was called.

        Unless ``inside``, to public addresses only, and to none of this machine.
        """
        address = literal(where.host)
        known = self.names.known(where.host) if address is None else [address]
        if known is not None:
            return self._dial(known, where, inside, connected)
        way = _LookUp()
        ensureDeferred(self._look_up(where, inside, connected, way)).addErrback(_broke, connected, way)
        return way if way.wanted else None

    async def _look_up(self, where: Where, inside: bool, connected: Connected, way: _LookUp) -> None:
        found = await self.names.look_up(where.host, inside)
        if not way.over:
            way.over = True
            way.dial = self._dial(found, where, inside, connected)

    def _dial(
        self, found: Sequence[Address] | Missing, where: Where, inside: bool, connected: Connected
    ) -> Dial | None:
        if isinstance(found, Missing):
            connected(Cause.NO_SUCH_HOST if found is Missing.NAME else Cause.NO_NAMES)
            return None
        allowed = self._allowed(found, where.host, inside)
        if not allowed:
            connected(Cause.INSIDE)
            return None
        dial = Dial(self._poller, self._deadlines, allowed, where.port, inside, self._timeout, connected)
        dial.start()
        return dial if dial.wanted else None

    def _allowed(self, found: Sequence[Address], host: str, inside: bool) -> list[str]:
        """Give those of ``found`` that may be tried, in turn; judged once while they stay the same."""
        known = self._judged.get((host, inside))
        if known is None or known[0] != found:
            if len(self._judged) >= _KNOWN:
                self._judged.clear()
            tried = in_turn([one for one in found if inside or public(one, self._own)])
            known = self._judged[host, inside] = found, [numeric(one) for one in tried]
        return known[1]


def _broke(failure: Failure, connected: Connected, way: _LookUp) -> None:
    _log.error("a name could not be looked up: %s", describe(failure.value))
    if not way.over:
        connected(Cause.NO_NAMES)
