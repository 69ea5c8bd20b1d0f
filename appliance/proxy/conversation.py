"""One connection of a browser to the proxy: request after request, or one tunnel.

May live here: the order of steps, and when the connection ends. May not: how a step is done: reading (``job``
and the daemons' ``http_head``), who it is (``guest``), what is allowed (``session``), connecting
(``upstream``), moving bytes (``exchange``, ``opening``, ``relay``), pages (``page``).
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import Final

from twisted.internet.defer import ensureDeferred

from appliance.daemon.http_head import BadHead, RequestHead, head_end, request_head
from appliance.daemon.logs import describe
from appliance.daemon.texts import language_of
from appliance.policy.request import Action
from appliance.proxy.accept import Newcomer
from appliance.proxy.desk import Desk
from appliance.proxy.exchange import End, Exchange, Owner
from appliance.proxy.familiar import Fields, Tunnels
from appliance.proxy.guest import Guests, Way
from appliance.proxy.job import Job, asked_for
from appliance.proxy.kept import Kept
from appliance.proxy.linger import Linger
from appliance.proxy.opening import open_tunnel
from appliance.proxy.page import page
from appliance.proxy.replies import Cause, Refused, cause_of_status, told
from appliance.proxy.session import Outcome, WebSession, admit
from appliance.proxy.target import Where
from appliance.proxy.upstream import Connecting
from appliance.proxy.wire import Wire
from appliance.session.obstacle import Obstacle
from appliance.session.signed_in import SignedIn

_log = logging.getLogger(__name__)
_LOOK: Final = 5.0  # seconds: who waits for auth or a site, which have times of their own, is looked at again
_JUST_COME: Final = 1.0  # seconds: what is already on its way here when the service stops is answered
_AT_ONCE: Final = 32
_OPEN: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"

_Phase = Enum("_Phase", ("HEAD", "WORK", "FLOW", "END"))
_HEAD, _WORK, _FLOW, _END = _Phase  # a global is found faster than what belongs to a class
_CAUGHT: Final = Way.CAUGHT


class Conversation(Newcomer, Owner):
    """``way`` is how it came."""

    __slots__ = (
        "_address", "_buffer", "_client", "_connecting", "_desk", "_exchange", "_fields", "_gone", "_guests", "_head",
        "_kept", "_moved", "_phase", "_refused", "_seen", "_session", "_since", "_used", "_way", "_working",
    )  # fmt: skip

    def __init__(self, desk: Desk, way: Way) -> None:
        self._way = way
        self._desk = desk
        self._buffer = b""
        self._phase = _HEAD
        self._since = desk.poller.now
        self._used = False  # whether a request was served already
        self._gone = self._working = False
        self._head: RequestHead | None = None
        self._connecting: Connecting | None = None
        self._exchange: Exchange | None = None
        self._moved = self._seen = 0
        self._session: WebSession | None = None
        self._refused: Refused | None = None
        self._fields: Fields | None = None
        self._kept: Kept | None = None

    def begin(self, wire: Wire, address: str) -> None:
        """Count the connection, or turn it away."""
        self._client, self._address = wire, address
        self._guests = Guests(self._desk.reception, address, self._way)
        self._watch(self._desk.times.head)
        if self._desk.connections.enter(wire, address):
            return
        if self._desk.connections.flooded(address):
            self.drop()
        else:
            self._reply(Refused(Cause.TOO_MANY), keep=False)

    # what the wires tell

    def readable(self, wire: Wire) -> None:
        """Go on with what the client sends."""
        if self._phase is _HEAD:
            self._next()
        elif wire.gone:
            self._lost()

    def drained(self, _wire: Wire) -> None:
        """Go on: no request is begun while the answer to another waits for the client."""
        if self._phase is _HEAD:
            self._next()

    # as the sweep and the stop see it

    def tick(self, now: float) -> float | None:
        """End what takes too long."""
        if self._exchange is not None and self._exchange.moved != self._moved:
            self._moved, self._since = self._exchange.moved, now
        due = self._since + self._patience()
        if now < due:
            return due
        self._expired()
        return None if self._gone else now + _LOOK

    def leave(self) -> None:
        """End when nothing is under way; who has only just come may still ask once."""
        just_come = not self._used and self._desk.poller.reactor.seconds() - self._since < _JUST_COME
        if self._phase is _HEAD and not (just_come or self._client.blocked):
            self._lost()

    def drop(self) -> None:
        """End at once."""
        self._client.reset()
        self._lost()

    def stop(self, refused: Refused) -> None:
        """The policy says no while something is under way."""
        if self._exchange is not None:
            self._exchange.stop(refused)
        elif self._phase is _WORK:
            self._refused = refused
        else:
            self._over(Outcome.REFUSED)
            self._let_go()

    # the steps of a request

    def _next(self) -> None:
        """Serve the requests that are there, one after the other."""
        if self._working:
            return
        self._working = True
        try:
            for _ in range(_AT_ONCE):
                if self._phase is not _HEAD or self._client.blocked or not self._begin():
                    return
        finally:
            self._working = False
        self._client.again()

    def _begin(self) -> bool:
        """Begin with the next request, or read a piece of it; whether anything was there."""
        try:
            end = head_end(self._buffer, self._seen) if len(self._buffer) > self._seen else 0
            if not end:
                self._seen = len(self._buffer)
                if not self._more():
                    return False
                end = head_end(self._buffer, self._seen)
                if not end:
                    return True
            raw, self._buffer, self._seen = self._buffer[:end], self._buffer[end:], 0
            self._phase = _WORK
            self._serve(raw)
        except BadHead as problem:
            self._reply(Refused(cause_of_status(problem.status)), keep=False)
        except OSError:
            self._lost()
        return True

    def _more(self) -> bool:
        """Read more of a head; whether something came."""
        data = self._client.read() if self._client.readable else None
        if not data:
            if data is not None:
                self._lost()
            elif self._buffer:
                self._watch(self._desk.times.head)
            return False
        if not self._buffer:
            self._since = self._client.poller.now
        self._buffer += data
        return True

    def _serve(self, raw: bytes) -> None:
        """Find out where to and for whom; raises :class:`BadHead`."""
        if raw.startswith(b"CONNECT "):
            familiar: Tunnels | Fields = self._desk.tunnels
        else:
            familiar = self._fields = self._fields or Fields()
        if (again := familiar.find(raw, self._guests)) is not None:
            self._judge(*again)
            return
        self._head = head = request_head(raw)
        job = asked_for(head, self._way is _CAUGHT)
        guest = self._guests.known(head)
        if guest is None:
            ensureDeferred(self._ask(job)).addErrback(lambda failure: self._failed(failure.value))
            return
        if isinstance(guest, SignedIn):
            familiar.keep(raw, job, self._guests)
        self._judge(job, guest)

    async def _ask(self, job: Job) -> None:
        guest = await self._guests.asked(job.head)
        if not self._gone:
            self._judge(job, guest)
            self._next()

    def _judge(self, job: Job, guest: SignedIn | Refused) -> None:
        self._head, done = job.head, job.body.done
        if isinstance(guest, Refused):
            again = job.tunnel and job.head.minor == 1 and guest.cause is Cause.SIGN_IN
            self._reply(guest, again or job.may_keep)
            return
        session, now = self._session, self._client.poller.now
        if session is None or not (done and session.goes_on(guest, job.where, job.path, now)):
            if session is not None:
                self._over(Outcome.DONE)
            wish = job.wish(guest, self._address, self._way is _CAUGHT)
            found = admit(self._desk.gate, wish, now, job.path)
            if isinstance(found, Obstacle):
                self._reply(told(found, wish.action is Action.WRITE), job.may_keep)
                return
            self._session = session = found
            self._desk.sessions.add(session, session.valid_until)
        session.flow = self
        session.requests += 1
        self._carry(job, session)

    def _carry(self, job: Job, session: WebSession) -> None:
        """Go on over the connection that was kept to the same site, or over a new one."""
        kept = None if self._kept is None or session.wish.tunnel else self._kept.take(session.way)
        if kept is not None:
            self._pass_on(job, session, kept, kept=True)
            return

        def connected(upstream: Wire | Cause) -> None:
            self._connecting = None
            try:
                self._connected(job, session, upstream)
            except Exception as error:
                if isinstance(upstream, Wire):
                    upstream.reset()
                self._failed(error)

        connecting = self._desk.connector.connect(session.way, session.inside, connected)
        if connecting is not None:
            self._connecting = connecting

    def _connected(self, job: Job, session: WebSession, upstream: Wire | Cause) -> None:
        refused = self._refused
        if isinstance(upstream, Wire) and not self._gone and refused is None:
            if session.wish.tunnel:
                self._open(session, upstream)
            else:
                self._pass_on(job, session, upstream)
            return
        if isinstance(upstream, Wire):
            upstream.reset()
            if self._gone:
                return
        elif refused is None:
            refused = self._desk.gate.inside() if upstream is Cause.INSIDE else Refused(upstream)
        by_us = refused is not None and refused.code is not None
        self._over(Outcome.REFUSED if by_us else Outcome.FAILED)
        if not self._gone:
            keep = job.may_keep
            self._reply(refused or Refused(Cause.LATER), keep)
            self._next()

    def _open(self, session: WebSession, upstream: Wire) -> None:
        """Let the tunnel take this one's place."""
        self._let_go()
        self._client.write(_OPEN)
        open_tunnel(self._desk, self._client, upstream, session, self._buffer)
        self._session, self._gone = None, True

    def _pass_on(self, job: Job, session: WebSession, upstream: Wire, kept: bool = False) -> None:
        rest, self._buffer = self._buffer, b""
        self._moved = 0
        self._enter(_FLOW, self._desk.times.answer)
        self._exchange = exchange = Exchange(self._client, upstream, job, session, self)
        exchange.start(rest, kept)

    # how it ends

    def keep(self, where: Where, wire: Wire) -> None:
        """Take what may be asked again: by this one only."""
        self._kept = self._kept or Kept()
        self._kept.keep(where, wire)

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.drop()

    def exchanged(self, exchange: Exchange, end: End, refused: Refused | None) -> None:
        """An exchange is over: go on with the next request, or end the connection as it ended."""
        self._exchange = None
        if end is End.STALE:
            self._phase = _WORK
            self._buffer = exchange.rest
            if not self._gone and self._session is not None:
                self._carry(exchange.job, self._session)
            return
        if exchange.failed is not None:
            self._over(Outcome.FAILED if exchange.failed.code is None else Outcome.REFUSED)
        elif end is not End.KEEP:
            self._over(Outcome.BROKEN_OFF if end is End.CUT else Outcome.DONE)
        if self._gone:
            return
        if end is End.CUT:
            self.drop()
            return
        self._buffer = exchange.rest
        if refused is not None:
            self._reply(refused, keep=False)
        elif end is End.CLOSE or self._desk.stopping:
            self._hang_up()
        else:
            self._again()
            if self._buffer or self._client.readable:
                self._next()

    def _reply(self, refused: Refused, keep: bool) -> None:
        """Answer with the page that tells ``refused``."""
        head, keep = self._head, keep and not self._desk.stopping
        language = language_of([] if head is None else head.values("accept-language"), self._desk.language)
        bodiless = head is not None and head.method == "HEAD"
        self._client.write(page(refused, language, keep, bodiless, self._guests.challenges, self._desk.letterhead))
        if keep:
            self._again()
        else:
            self._hang_up()

    def _again(self) -> None:
        self._used = True
        self._head = self._refused = None  # a head has a password in it
        self._enter(_HEAD, self._desk.times.idle)

    def _hang_up(self) -> None:
        """Close in order; what still comes is thrown away for a moment, so that the client reads all and no reset."""
        self._over(Outcome.DONE)
        self._phase, self._gone = _END, True
        self._let_go()
        Linger(self._desk, self._client).start()

    def _lost(self) -> None:
        """Give back everything: the connection is gone."""
        if self._gone:
            return
        self._gone = True
        outcome = Outcome.BROKEN_OFF if self._phase is _WORK else Outcome.DONE
        self._phase = _END
        self._client.close()
        self._desk.forget(self._client)
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._exchange is not None:
            self._exchange.client_lost()
        self._over(outcome)
        self._let_go()

    def _expired(self) -> None:
        if self._phase is _FLOW:
            exchange = self._exchange
            if exchange is not None:
                exchange.stop(Refused(Cause.SLOW_ANSWER))
            if self._phase is _FLOW and self._exchange is exchange:
                self.drop()  # a fault of ours kept it from ending
        elif self._phase is _HEAD and self._client.blocked:
            self.drop()
        elif self._phase is _HEAD:
            self._lost()  # in order: the client may not have read all of the last answer yet

    def _patience(self) -> float:
        if self._client.blocked and self._phase is not _WORK:
            return self._desk.times.answer
        if self._phase is _HEAD:
            return self._desk.times.idle if self._used and not self._buffer else self._desk.times.head
        return self._desk.times.answer if self._phase is _FLOW else _LOOK

    def _enter(self, phase: _Phase, patience: float) -> None:
        """Begin ``phase``, which is looked at after ``patience`` seconds."""
        self._phase, self._since = phase, self._client.poller.now
        self._watch(patience)

    def _watch(self, patience: float) -> None:
        """Look at this one after ``patience`` seconds, if nobody does so before: what comes later puts off nothing."""
        self._desk.deadlines.watch(self._client, self._client.poller.now + patience)

    def _over(self, outcome: Outcome) -> None:
        """What was under way ended so, if there was anything."""
        session, self._session = self._session, None
        if session is not None:
            self._desk.sessions.remove(session)
            session.over(outcome)

    def _failed(self, error: BaseException) -> None:
        _log.error("a request could not be served: %s", describe(error))
        self.drop()
