"""The first bytes of a tunnel: a ClientHello that carries the name that was asked for, or nothing goes on (K13).

May live here: waiting for it, judging it, saying no in TLS. May not: how it is read (``hello``, ``hidden``), who may go
where (``session``), the bytes after it (``relay``). What was asked for and what is then done through the tunnel would
otherwise be two things: a list judges the one, the site sees the other.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from appliance.daemon.logs import describe
from appliance.proxy.addresses import literal
from appliance.proxy.hello import Hello, NotTls, Reading, alert
from appliance.proxy.hidden import hides
from appliance.proxy.linger import Linger
from appliance.proxy.relay import Tunnel
from appliance.proxy.replies import Refused
from appliance.proxy.session import Outcome, WebSession
from appliance.proxy.wire import Receiver, Wire

if TYPE_CHECKING:
    from appliance.proxy.desk import Desk

_log = logging.getLogger(__name__)
_ALERT: Final = alert(49)  # access_denied (RFC 8446, 6.2)
_AT_ONCE: Final = 32
"""Pieces that are read in one turn: each may be a byte in a record of TLS."""


def open_tunnel(desk: Desk, client: Wire, upstream: Wire, session: WebSession, said: bytes) -> None:
    """Join ``client``, which was told so and has ``said`` something already, and ``upstream``.

    What may lead inside is an exception that somebody made by hand, and may begin as it likes.
    """
    if session.inside:
        Tunnel(desk, client, upstream, session).start(said)
    else:
        Opening(desk, client, upstream, session, said).start()


class Opening(Receiver):
    """Reads what ``client`` sends first; ``upstream`` is connected to the site and hears nothing before."""

    __slots__ = ("_client", "_desk", "_ended", "_reading", "_said", "_session", "_until", "_upstream", "_waits")

    def __init__(self, desk: Desk, client: Wire, upstream: Wire, session: WebSession, said: bytes) -> None:
        self._desk = desk
        self._client = client
        self._upstream = upstream
        self._session = session
        self._reading = Reading()
        self._said = said
        self._ended = self._waits = False
        self._until = desk.poller.now + desk.times.idle

    def start(self) -> None:
        """Begin, instead of who had the client until now."""
        self._client.receiver = self._upstream.receiver = self
        self._session.flow = self
        self._desk.deadlines.watch(self._client, self._until)
        if self._said:
            self._judge()
        if self._client.readable and not self._ended:
            self.readable(self._client)

    def readable(self, wire: Wire) -> None:
        """Take more of it; an end of either side is one of both."""
        if wire is self._upstream:
            if wire.gone:
                self._cut(Outcome.FAILED)
            return
        try:
            for _ in range(_AT_ONCE):
                data = None if self._waits else wire.read()
                if data is None:
                    break
                if not data:
                    self._cut(Outcome.BROKEN_OFF)
                    return
                self._said += data
                self._judge()
                if self._ended:
                    return
            else:
                wire.again()
        except OSError:
            self._cut(Outcome.BROKEN_OFF)
        if self._waits and wire.gone:
            self._cut(Outcome.BROKEN_OFF)

    def broke(self) -> None:
        """End: a fault of ours."""
        self._cut(Outcome.FAILED)

    def tick(self, now: float) -> float | None:
        """End when nothing comes."""
        if now < self._until:
            return self._until
        self._cut(Outcome.BROKEN_OFF)
        return None

    def leave(self) -> None:
        """End: the service stops."""
        self._cut(Outcome.BROKEN_OFF)

    def drop(self) -> None:
        """End at once."""
        self._cut(Outcome.BROKEN_OFF)

    def stop(self, _refused: Refused) -> None:
        """End: the policy says no."""
        self._cut(Outcome.REFUSED)

    def _judge(self) -> None:
        try:
            hello = self._reading.look(self._said)
        except NotTls:
            self._refuse()
            return
        if hello is None:
            return
        if not _fits(hello, self._session.wish.where.host):
            self._refuse()
        elif hello.encrypted is None:
            self._go_on()
        else:
            self._waits = True
            ensureDeferred(self._look_inside(hello)).addErrback(self._failed)

    async def _look_inside(self, hello: Hello) -> None:
        hidden = await hides(hello, self._desk.connector.names)
        if self._ended:
            return
        if hidden:
            self._refuse()
        else:
            self._go_on()

    def _go_on(self) -> None:
        tunnel = Tunnel(self._desk, self._client, self._upstream, self._session)
        self._ended = True
        tunnel.start(self._said)

    def _failed(self, failure: Failure) -> None:
        _log.error("a tunnel could not be opened: %s", describe(failure.value))
        self._cut(Outcome.FAILED)

    def _refuse(self) -> None:
        """Say no in the language of the tunnel, and why to the carer."""
        self._desk.gate.other_name()
        self._upstream.reset()
        self._session.over(Outcome.REFUSED)
        self._ended = True
        self._desk.sessions.remove(self._session)
        self._client.write(_ALERT)
        Linger(self._desk, self._client).start()

    def _cut(self, outcome: Outcome) -> None:
        if not self._ended:
            self._ended = True
            self._said = b""
            self._client.reset()
            self._upstream.reset()
            self._desk.forget(self._client)
            self._desk.sessions.remove(self._session)
            self._session.over(outcome)


def _fits(hello: Hello, host: str) -> bool:
    """Whether the hello is for ``host``; an address is never named in one (RFC 6066, 3)."""
    if hello.encrypted == Hello.ESNI:
        return False
    return hello.name is None if literal(host) is not None else hello.name == host
