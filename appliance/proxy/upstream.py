"""Connecting to an origin: the name looked up once, its addresses judged, exactly these connected to.

May live here: choice of address, the connection's protocol. May not: look-up (``names``), what is sent over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from typing import Protocol as Shape

from twisted.internet import error
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from appliance.proxy.addresses import Network, literal, public
from appliance.proxy.eyeballs import in_turn
from appliance.proxy.names import Missing, Names
from appliance.proxy.replies import Cause
from appliance.proxy.target import Where

_TRIES = 3


class Receiver(Shape):
    """Who gets what an origin sends."""

    def from_upstream(self, data: bytes) -> None:
        """Take ``data``."""
        ...

    def upstream_lost(self, clean: bool) -> None:
        """The connection is gone; ``clean``: the origin closed it in order."""
        ...


class Upstream(Protocol):
    """A connection to an origin."""

    def __init__(self) -> None:
        self.receiver: Receiver | None = None
        self.lost = False

    def connectionMade(self) -> None:
        """Send small pieces at once."""
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        """Hand on what arrived; nobody waits for anything on an idle connection."""
        if self.receiver is None:
            self.transport.abortConnection()
        else:
            self.receiver.from_upstream(data)

    def connectionLost(self, reason: Any = None) -> None:
        """Tell who uses it."""
        self.lost = True
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.upstream_lost(bool(reason.check(error.ConnectionDone)))


class Connector:
    """Connects to origins; ``own`` are the school's networks, ``timeout`` seconds are for one origin altogether."""

    def __init__(self, reactor: Any, timeout: float, own: Iterable[Network] = ()) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._own = tuple(own)
        self._names = Names(reactor, timeout)

    async def connect(self, where: Where, inside: bool) -> Upstream | Cause:
        """Connect to ``where``, or say why not; unless ``inside``, to public addresses only."""
        address = literal(where.host)
        found = [address] if address is not None else await self._names.look_up(where.host, inside)
        if isinstance(found, Missing):
            return Cause.NO_SUCH_HOST if found is Missing.NAME else Cause.NO_NAMES
        allowed = in_turn([one for one in found if inside or public(one, self._own)])
        if not allowed:
            return Cause.INSIDE
        for one in allowed[:_TRIES]:
            kind = TCP4ClientEndpoint if one.version == 4 else TCP6ClientEndpoint
            endpoint = kind(self._reactor, str(one), where.port, timeout=self._timeout / min(len(allowed), _TRIES))
            try:
                upstream: Upstream = await endpoint.connect(Factory.forProtocol(Upstream))
            except (error.ConnectError, OSError):
                continue
            return upstream
        return Cause.NO_CONNECTION
