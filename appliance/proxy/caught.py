"""A TLS connection of the WLAN that was on its way to a site: led on to the site it names, and nowhere else (K13).

May live here: the order of steps. May not: how it is read (``hello``), whose device it is (``guest``), what is allowed
(``session``), the bytes after it (``relay``). The address it was going to is not believed: the name is looked up anew.
Who names no site, encrypts the name or goes to another port than HTTPS's gets where ``proxy.yaml unnamed`` says.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from appliance.daemon.logs import describe
from appliance.policy.request import Action
from appliance.proxy.accept import Newcomer
from appliance.proxy.desk import Desk
from appliance.proxy.gate import Wish
from appliance.proxy.guest import Guests, Way
from appliance.proxy.hello import Hello, NotTls, Reading, alert
from appliance.proxy.hidden import hides
from appliance.proxy.linger import Linger
from appliance.proxy.relay import Tunnel
from appliance.proxy.replies import Cause, Refused
from appliance.proxy.session import Outcome, WebSession, admit
from appliance.proxy.target import Where
from appliance.proxy.unnamed import destination, place_in
from appliance.proxy.upstream import Connecting
from appliance.proxy.wire import Wire, borrowed
from appliance.session.obstacle import Obstacle

_log = logging.getLogger(__name__)
_ALERT: Final = alert(49)  # access_denied (RFC 8446, 6.2)
_PORT: Final = 443


class Caught(Newcomer):
    """A connection that begins with a ClientHello."""

    __slots__ = (
        "_address", "_client", "_connecting", "_desk", "_over", "_reading", "_said", "_session", "_waits",
    )  # fmt: skip

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reading = Reading()
        self._said = b""
        self._session: WebSession | None = None
        self._connecting: Connecting | None = None
        self._over = self._waits = False

    def begin(self, wire: Wire, address: str) -> None:
        """Count the connection, or turn it away."""
        self._client = wire
        self._address = address
        self._desk.deadlines.watch(wire, wire.poller.now + self._desk.times.head)
        if not self._desk.connections.enter(wire, address):
            self.drop()

    def readable(self, wire: Wire) -> None:
        """Take more of the hello."""
        try:
            while not (self._over or self._waits) and (data := wire.read()) is not None:
                if not data:
                    self.drop()
                    return
                self._said += data
                self._look()
        except OSError:
            self.drop()
        if self._waits and wire.gone:
            self.drop()

    def tick(self, _now: float) -> None:
        """End: the hello does not come; what is done with it has times of its own."""
        if not self._waits:
            self.drop()

    def leave(self) -> None:
        """End: the service stops."""
        self.drop()

    def drop(self) -> None:
        """End at once."""
        if not self._over:
            self._over = True
            self._client.reset()
            self._desk.forget(self._client)
            self._end(Outcome.BROKEN_OFF)

    def stop(self, _refused: Refused) -> None:
        """End: the policy says no."""
        self._refuse(Outcome.REFUSED)

    # the steps

    def _look(self) -> None:
        try:
            hello = self._reading.look(self._said)
        except NotTls:
            self._desk.gate.no_name()
            self._refuse(Outcome.REFUSED)
            return
        if hello is not None:
            self._waits = True
            ensureDeferred(self._judge(hello)).addErrback(self._failed)

    async def _judge(self, hello: Hello) -> None:
        with borrowed(self._client.descriptor) as connection:
            meant = destination(connection)
        name = hello.name if meant is None or meant[1] == _PORT else None
        if name is not None and hello.encrypted is not None and await hides(hello, self._desk.connector.names):
            name = None
        if self._over:
            return
        where = place_in(self._desk.unnamed, meant) if name is None else Where(name, _PORT)
        if where is None:
            self._desk.gate.no_name()
            self._refuse(Outcome.REFUSED)
            return
        guest = Guests(self._desk.reception, self._address, Way.CAUGHT).by_address()
        if isinstance(guest, Refused):
            self._refuse(Outcome.REFUSED)
            return
        gate = self._desk.gate
        wish = Wish(guest, where, True, Action.FETCH, self._address, caught=True, unnamed=name is None)
        session = admit(gate, wish, self._desk.poller.now)
        if isinstance(session, Obstacle):
            self._refuse(Outcome.REFUSED)
            return
        self._session = session
        session.flow = self
        self._desk.sessions.add(session, session.valid_until)
        self._connecting = self._desk.connector.connect(session.way, session.inside, self._connected)

    def _connected(self, upstream: Wire | Cause) -> None:
        session = self._session
        if isinstance(upstream, Wire) and session is not None and not self._over:
            tunnel = Tunnel(self._desk, self._client, upstream, session)
            self._over, self._session = True, None
            tunnel.start(self._said)
        elif isinstance(upstream, Wire):
            upstream.reset()
        elif not self._over:
            if upstream is Cause.INSIDE:
                self._desk.gate.inside()
            self._refuse(Outcome.REFUSED if upstream is Cause.INSIDE else Outcome.FAILED)

    def _refuse(self, outcome: Outcome) -> None:
        """Say no in the language of TLS."""
        if self._over:
            return
        self._over = True
        self._end(outcome)
        self._client.write(_ALERT)
        Linger(self._desk, self._client).start()

    def _end(self, outcome: Outcome) -> None:
        session, self._session = self._session, None
        if self._connecting is not None:
            self._connecting.cancel()
        if session is not None:
            self._desk.sessions.remove(session)
            session.over(outcome)

    def _failed(self, failure: Failure) -> Any:
        _log.error("a connection could not be led on: %s", describe(failure.value))
        self.drop()
