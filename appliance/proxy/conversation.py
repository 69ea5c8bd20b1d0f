"""One connection of a browser: request after request, or one tunnel.

May live here: the order of steps, and when the connection ends. May not: how a step is done: reading (``target``
and the daemons' ``http_head`` and ``http_framing``), who it is (``sign_in``), what is allowed (``session``), connecting
(``upstream``), moving bytes (``exchange``, ``tunnel``), pages (``replies``).
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from appliance.daemon.http_framing import request_body
from appliance.daemon.http_head import HEAD_MAX, BadHead, RequestHead, cut_head, request_head
from appliance.daemon.logs import describe
from appliance.daemon.sessions import Sessions
from appliance.daemon.texts import language_of
from appliance.policy.decision import Limits
from appliance.policy.request import Action
from appliance.proxy.accept import Connections
from appliance.proxy.addresses import literal
from appliance.proxy.exchange import End, Exchange, Job
from appliance.proxy.forward import keeps_open
from appliance.proxy.negotiate import Negotiation, Tickets
from appliance.proxy.replies import Cause, Refused, cause_of_status, page, told
from appliance.proxy.session import Gate, Outcome, WebSession, Wish
from appliance.proxy.sign_in import SignIn
from appliance.proxy.target import Where, absolute_form, authority_form
from appliance.proxy.tunnel import Tunnel
from appliance.proxy.upstream import Connector, Upstream
from appliance.session.obstacle import Hitch, Obstacle

_log = logging.getLogger(__name__)
_LINGER = 2.0
"""Seconds in which what a refused client still sends is thrown away, so that it reads the page and not a reset."""
_GOODBYE = 5.0
_JUST_COME = 1.0  # seconds: what is already on its way here when the service stops is answered


@dataclass(slots=True)
class Desk:
    """What all conversations of a worker share; replaced part by part when settings change. Durations in seconds."""

    sign_in: SignIn
    tickets: Tickets
    gate: Gate
    connector: Connector
    sessions: Sessions
    connections: Connections
    language: str
    head_timeout: float
    idle_timeout: float
    answer_timeout: float
    tunnel_timeout: float
    clock: Any
    stopping: bool = False


class _Phase(Enum):
    HEAD = auto()
    WORK = auto()
    FLOW = auto()
    LINGER = auto()
    END = auto()


class Conversation(Protocol):
    """``encrypted``: it arrived on the TLS port."""

    def __init__(self, desk: Desk, encrypted: bool) -> None:
        self._desk = desk
        self._encrypted = encrypted
        self._address = ""
        self._buffer = bytearray()
        self._phase = _Phase.HEAD
        self._since = desk.clock()
        self._used = False  # whether a request was served already
        self._gone = False
        self._head: RequestHead | None = None
        self._flow: Exchange | Tunnel | None = None
        self._moved = 0
        self._session: WebSession | None = None
        self._refused: Refused | None = None
        self._kept: tuple[Where, Upstream] | None = None

    def connectionMade(self) -> None:
        """Count the connection, or turn it away."""
        self.transport.setTcpNoDelay(True)
        self._address = self.transport.getPeer().host
        self._negotiation = Negotiation(self._desk.tickets, self._address)
        if not self._desk.connections.enter(self, self._address):
            self._reply(Refused(Cause.TOO_MANY), keep=False)

    def dataReceived(self, data: bytes) -> None:
        """Give what arrived to whoever waits for it."""
        if self._flow is not None:
            self._flow.from_client(data)
        elif self._phase in (_Phase.HEAD, _Phase.WORK):
            if not self._buffer and self._phase is _Phase.HEAD:
                self._since = self._desk.clock()
            self._buffer += data
            self._next()

    def connectionLost(self, _reason: object = None) -> None:
        """Give back everything."""
        self._gone = True
        self._desk.connections.exit(self, self._address)
        if self._flow is not None:
            self._flow.client_lost()
        self._over(Outcome.BROKEN_OFF)
        self._drop_kept()

    def tick(self, now: float) -> None:
        """End what takes too long."""
        if self._flow is not None and self._flow.moved != self._moved:
            self._moved, self._since = self._flow.moved, now
        if now - self._since > self._patience():
            self._expired()

    def leave(self) -> None:
        """End when nothing is under way; who has only just come may still ask once."""
        just_come = not self._used and self._desk.clock() - self._since < _JUST_COME
        if isinstance(self._flow, Tunnel) or (self._phase is _Phase.HEAD and not just_come):
            self.drop()

    def drop(self) -> None:
        """End at once."""
        self._enter(_Phase.END)
        self.transport.abortConnection()

    # the steps of a request

    def _next(self) -> None:
        """Begin with the next request, if it is there."""
        if self._phase is _Phase.WORK and len(self._buffer) > HEAD_MAX:
            self.transport.pauseProducing()
        if self._phase is not _Phase.HEAD:
            return
        try:
            raw = cut_head(self._buffer)
            if raw is None:
                return
            self._enter(_Phase.WORK)
            self._head = None
            self._head = head = request_head(raw)
        except BadHead as problem:
            self._reply(Refused(cause_of_status(problem.status)), keep=False)
            return
        self._run(self._serve(head))

    async def _serve(self, head: RequestHead) -> None:
        try:
            tunnel = head.method == "CONNECT"
            where, path = (authority_form(head.target), "") if tunnel else absolute_form(head.target)
            body = request_body(head)
        except BadHead as problem:
            self._reply(Refused(cause_of_status(problem.status)), keep=False)
            return
        local = literal(self._address)
        if not self._encrypted and (local is None or not local.is_loopback):
            self._reply(Refused(Cause.IN_CLEAR), keep=False)  # never ask for a password in clear (K06)
            return
        given = head.values("proxy-authorization")
        guest = self._negotiation.who(given) or await self._desk.sign_in.who(given, self._address)
        if self._gone:
            return
        keep = not tunnel and body.done and keeps_open(head)
        if isinstance(guest, Obstacle):
            keep = keep or (tunnel and head.minor == 1 and guest.why is Hitch.WRONG_PASSWORD)
            self._reply(told(guest, upload=False), keep, unread=not body.done)
            return
        action = Action.FETCH if tunnel or body.done else Action.WRITE
        wish = Wish(guest, where, tunnel, action, self._address, None if body.done else body.length)
        passed = self._desk.gate.judge(wish)
        if isinstance(passed, Obstacle):
            self._reply(told(passed, action is Action.WRITE), keep, unread=not body.done)
            return
        self._session = session = WebSession(self._desk.gate, wish, self._stopped, self._set_limits)
        self._desk.sessions.add(session.visit, passed.valid_until)
        await self._carry(head, path, wish, passed.limits, self._desk.gate.opens_inside(wish))

    async def _carry(self, head: RequestHead, path: str, wish: Wish, limits: Limits, inside: bool) -> None:
        """Connect to the origin, unless a connection to it was kept, and let the bytes flow."""
        upstream = self._take_kept(wish.where)
        kept = upstream is not None
        if upstream is None:
            connected = await self._desk.connector.connect(wish.where, inside)
            refused = self._refused
            if isinstance(connected, Cause):
                refused = refused or (self._desk.gate.inside() if connected is Cause.INSIDE else Refused(connected))
            elif self._gone or refused is not None:
                connected.transport.abortConnection()
            else:
                upstream = connected
            if upstream is None:
                by_us = refused is not None and refused.code is not None
                self._over(Outcome.REFUSED if by_us else Outcome.FAILED)
                if not self._gone:
                    keep = wish.action is Action.FETCH and not wish.tunnel and keeps_open(head)
                    self._reply(refused or Refused(Cause.LATER), keep, unread=not keep)
                return
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._enter(_Phase.FLOW)
        self._moved = 0
        if wish.tunnel:
            self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._flow = tunnel = Tunnel(
                self.transport, upstream, limits, lambda action, size: self._exceeded(wish, action, size), self._closed
            )
            tunnel.start(rest)
            return

        def over(end: End, refused: Refused | None) -> None:
            if end is End.STALE and not self._gone:
                self._flow = None
                self._enter(_Phase.WORK)
                self._run(self._carry(head, path, wish, exchange.limits, inside))
            else:
                self._exchanged(exchange, upstream, wish.where, end, refused)

        job = Job(head, wish.where, path, lambda action, size: self._desk.gate.too_large(wish, action, size))
        self._flow = exchange = Exchange(self.transport, upstream, job, limits, over)
        exchange.start(rest, kept)

    # how it ends

    def _exchanged(
        self, exchange: Exchange, upstream: Upstream, where: Where, end: End, refused: Refused | None
    ) -> None:
        """An exchange is over: go on with the next, or end the connection as it ended."""
        self._flow = None
        if exchange.failed is None:
            outcome = Outcome.BROKEN_OFF if end is End.CUT else Outcome.DONE
        else:
            outcome = Outcome.FAILED if exchange.failed.code is None else Outcome.REFUSED
        self._over(outcome, exchange)
        if self._gone:
            return
        if end is End.CUT:
            self.drop()
            return
        self._buffer[:0] = exchange.rest
        if refused is not None:
            self._reply(refused, keep=False, unread=not exchange.all_sent)
        elif end is End.CLOSE or self._desk.stopping:
            self._hang_up(linger=not exchange.all_sent)
        else:
            if exchange.reusable and not upstream.lost:
                self._kept = (where, upstream)
            self._again()

    def _exceeded(self, wish: Wish, action: Action, size: int) -> None:
        self._desk.gate.too_large(wish, action, size)
        self._cut_tunnel(Outcome.REFUSED)

    def _stopped(self, refused: Refused) -> None:
        """The policy says no while something is under way."""
        if isinstance(self._flow, Tunnel):
            self._cut_tunnel(Outcome.REFUSED)
        elif self._flow is not None:
            self._flow.stop(refused)
        else:
            self._refused = refused

    def _cut_tunnel(self, outcome: Outcome) -> None:
        flow, self._flow = self._flow, None
        if isinstance(flow, Tunnel):
            flow.cut()
        self._over(outcome, flow)
        self.drop()

    def _closed(self, clean: bool) -> None:
        """A tunnel is over by itself."""
        flow, self._flow = self._flow, None
        self._over(Outcome.DONE if clean else Outcome.BROKEN_OFF, flow)
        if not self._gone and clean:
            self._hang_up(linger=False)
        elif not self._gone:
            self.drop()

    def _set_limits(self, limits: Limits) -> None:
        if self._flow is not None:
            self._flow.limits = limits

    def _expired(self) -> None:
        if isinstance(self._flow, Exchange):
            self._flow.stop(Refused(Cause.SLOW_ANSWER))
        elif isinstance(self._flow, Tunnel):
            self._cut_tunnel(Outcome.BROKEN_OFF)
        elif self._phase is _Phase.LINGER:
            self._hang_up(linger=False)
        elif self._phase is not _Phase.WORK:
            self.drop()

    def _patience(self) -> float:
        if self._phase is _Phase.HEAD:
            return self._desk.idle_timeout if self._used and not self._buffer else self._desk.head_timeout
        if self._phase is _Phase.FLOW:
            return self._desk.tunnel_timeout if isinstance(self._flow, Tunnel) else self._desk.answer_timeout
        return _LINGER if self._phase is _Phase.LINGER else _GOODBYE

    def _reply(self, refused: Refused, keep: bool, unread: bool = True) -> None:
        """Answer with the page that tells ``refused``."""
        head, keep = self._head, keep and not self._desk.stopping
        language = language_of([] if head is None else head.values("accept-language"), self._desk.language)
        token = self._negotiation.token if self._negotiation.offered else None
        self.transport.write(page(refused, language, keep, head is not None and head.method == "HEAD", token))
        if keep:
            self._again()
        else:
            self._hang_up(linger=unread)

    def _again(self) -> None:
        self._used = True
        self._refused = None
        self._enter(_Phase.HEAD)
        self.transport.resumeProducing()
        if self._buffer:
            self._next()

    def _hang_up(self, linger: bool) -> None:
        self._buffer.clear()
        self._enter(_Phase.LINGER if linger else _Phase.END)
        self.transport.resumeProducing()
        if not linger:
            self.transport.loseConnection()

    def _enter(self, phase: _Phase) -> None:
        self._phase, self._since = phase, self._desk.clock()

    def _over(self, outcome: Outcome, flow: Exchange | Tunnel | None = None) -> None:
        """What was under way ended so, if there was anything; ``flow`` has moved its bytes."""
        session, self._session = self._session, None
        if session is not None:
            self._desk.sessions.remove(session.visit)
            session.over(outcome, 0 if flow is None else flow.up, 0 if flow is None else flow.down)

    def _take_kept(self, where: Where) -> Upstream | None:
        kept, self._kept = self._kept, None
        if kept is None or kept[1].lost:
            return None
        if kept[0] != where:
            kept[1].transport.abortConnection()
            return None
        return kept[1]

    def _drop_kept(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept[1].transport.abortConnection()

    def _run(self, steps: Coroutine[Any, Any, None]) -> None:
        ensureDeferred(steps).addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        _log.error("a request could not be served: %s", describe(failure.value))
        self.drop()
