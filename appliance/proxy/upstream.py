"""Connecting to an origin: the name looked up once, its addresses judged, exactly these connected to.

May live here: which addresses of a site are tried. May not: look-up (``names``), attempts (``dial``), what is sent.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from appliance.daemon.logs import describe
from appliance.proxy.addresses import Address, Network, literal, public
from appliance.proxy.deadlines import Deadlines
from appliance.proxy.dial import Dial
from appliance.proxy.eyeballs import in_turn
from appliance.proxy.names import Missing, Names
from appliance.proxy.poll import Poller
from appliance.proxy.replies import Cause
from appliance.proxy.target import Where
from appliance.proxy.wire import Wire, borrowed

_log = logging.getLogger(__name__)
_KNOWN = 10_000

Connected = Callable[[Wire | Cause], None]


class Connecting:
    """What leads to a wire; ``connected`` is called once, or never if it is cancelled."""

    __slots__ = ("_connected", "_dial")

    def __init__(self, connected: Connected) -> None:
        self._connected: Connected | None = connected
        self._dial: Dial | None = None

    def cancel(self) -> None:
        """Give up: whoever asked is gone."""
        self._connected = None
        if self._dial is not None:
            self._dial.cancel()

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for it."""
        return self._connected is not None

    def go(self, dial: Dial) -> None:
        """Connect by ``dial``."""
        self._dial = dial
        dial.start()

    def tell(self, upstream: Wire | Cause) -> None:
        """Say what came of it."""
        connected, self._connected = self._connected, None
        if connected is not None:
            connected(upstream)


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
        self._public: dict[Address, bool] = {}

    def connect(self, where: Where, inside: bool, connected: Connected) -> Connecting:
        """Connect to ``where`` and call ``connected`` once, perhaps at once, with the wire or why there is none.

        Unless ``inside``, to public addresses only, and to none of this machine.
        """
        way = Connecting(connected)
        address = literal(where.host)
        known = self.names.known(where.host) if address is None else [address]
        if known is None:
            ensureDeferred(self._look_up(where, inside, way)).addErrback(_broke, way)
        else:
            self._dial(known, where, inside, way)
        return way

    async def _look_up(self, where: Where, inside: bool, way: Connecting) -> None:
        self._dial(await self.names.look_up(where.host, inside), where, inside, way)

    def _dial(self, found: Sequence[Address] | Missing, where: Where, inside: bool, way: Connecting) -> None:
        if not way.wanted:
            return
        if isinstance(found, Missing):
            way.tell(Cause.NO_SUCH_HOST if found is Missing.NAME else Cause.NO_NAMES)
            return
        allowed = in_turn([one for one in found if inside or self._is_public(one)])
        if not allowed:
            way.tell(Cause.INSIDE)
            return

        def done(wire: Wire | None) -> None:
            if wire is not None and not inside and _to_itself(wire):
                wire.reset()
                way.tell(Cause.INSIDE)
            else:
                way.tell(Cause.NO_CONNECTION if wire is None else wire)

        way.go(Dial(self._poller, self._deadlines, allowed, where.port, self._timeout, done))

    def _is_public(self, address: Address) -> bool:
        known = self._public.get(address)
        if known is None:
            if len(self._public) >= _KNOWN:
                self._public.clear()
            known = self._public[address] = public(address, self._own)
        return known


def _to_itself(wire: Wire) -> bool:
    """Whether ``wire`` leads to this machine: it speaks to its own addresses, old and new, from these."""
    with borrowed(wire.descriptor) as one, contextlib.suppress(OSError):
        return bool(one.getsockname()[0] == one.getpeername()[0])
    return False


def _broke(failure: Failure, way: Connecting) -> None:
    _log.error("a name could not be looked up: %s", describe(failure.value))
    way.tell(Cause.NO_NAMES)
