"""One request and its response passed between a client and an origin, body by body.

May live here: heads rewritten, bodies moved and counted, how it ends. May not: decisions, pages, the next request.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from appliance.daemon.http_framing import BadBody, Body, response_body, whole_size
from appliance.daemon.http_head import BadHead, ResponseHead, head_end, response_head
from appliance.policy.request import Action
from appliance.proxy.forward import interim, keeps_open, request_upstream, response_downstream
from appliance.proxy.job import Job
from appliance.proxy.metering import Meter
from appliance.proxy.pace import Pace
from appliance.proxy.replies import Cause, Refused
from appliance.proxy.session import WebSession
from appliance.proxy.target import Where
from appliance.proxy.wire import PIECE, Receiver, Wire

_REST_MAX: Final = 256 * 1024
_TURN: Final = 1 << 20
"""Bytes of one direction in one turn: then others get theirs."""
_STEP: Final = 1024
"""What a piece counts at the least."""
_INTERIM_MAX: Final = 100
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class End(Enum):
    """How an exchange ended: the client's connection may go on, is closed in order, or is cut so that it shows."""

    KEEP = auto()
    CLOSE = auto()
    CUT = auto()
    STALE = auto()
    """A kept connection to the origin was gone: the request has to be sent again over a new one."""


class Owner(Receiver):
    """Whoever the client's connection belongs to before and after."""

    __slots__ = ()

    def keep(self, where: Where, wire: Wire) -> None:
        """Take ``wire`` to the site ``where``, which may be asked again."""
        raise NotImplementedError

    def exchanged(self, exchange: Exchange, end: End, refused: Refused | None) -> None:
        """The exchange is over; ``refused`` if a page is to tell why. Called once."""
        raise NotImplementedError


class Exchange(Receiver):
    """``failed`` says why it did not come to its end, told or not; ``up`` and ``down`` count bytes.

    Those of the bodies, and of heads that are sent before the answer: there may be any number of them.
    ``rest`` is what the client has sent beyond the request.
    """

    __slots__ = (
        "_answer", "_chunks", "_client", "_coming", "_heard", "_interims", "_keep", "_kept", "_owner", "_pace_down",
        "_pace_up", "_part", "_session", "_upstream", "_upstream_keeps", "down", "failed", "job", "rest", "up",
    )  # fmt: skip

    def __init__(self, client: Wire, upstream: Wire, job: Job, session: WebSession, owner: Owner) -> None:
        self.rest = b""
        self.failed: Refused | None = None
        self.job = job
        self.up = self.down = 0
        self._client = client
        self._upstream = upstream
        self._session = session
        self._owner: Owner | None = owner
        self._answer = b""  # what has come of a head
        self._heard = 0  # bytes of heads and of what came along with them
        self._coming: Body | None = None  # since the client has got something of the final response
        self._interims = 0
        self._part: Meter | None = None
        self._pace_up = self._pace_down = None
        if session.paced:
            self._pace_up = session.pace(Action.WRITE, self._pump_up)
            self._pace_down = session.pace(Action.FETCH, self._pump_down)

    @property
    def moved(self) -> int:
        """How many bytes of bodies and heads went either way; grows while the exchange lives."""
        return self.up + self.down + self._heard

    def start(self, rest: bytes, kept: bool) -> None:
        """Begin; ``rest`` is what the client has sent beyond the head, ``kept``: the origin was used before."""
        job = self.job
        self._kept = kept and job.head.method in _SAFE and job.body.done
        self._client.receiver = self._upstream.receiver = self
        self._upstream.write(request_upstream(job.head, job.where, job.path, job.body))
        if rest:
            self._from_client(rest)
        if self._client.readable:
            self._pump_up()
        if self._upstream.readable:
            self._pump_down()

    # as the sweep and the stop see it

    def tick(self, now: float) -> float | None:
        """Let the owner say what takes too long."""
        return None if self._owner is None else self._owner.tick(now)

    def drop(self) -> None:
        """End at once."""
        if self._owner is not None:
            self._owner.drop()

    # what the wires tell

    def readable(self, wire: Wire) -> None:
        """Pass on what has come."""
        if wire is self._upstream:
            self._pump_down()
        else:
            self._pump_up()

    def drained(self, wire: Wire) -> None:
        """Go on where ``wire`` could take no more."""
        if wire is self._client:
            self._pump_down()
        else:
            self._pump_up()

    def broke(self) -> None:
        """End: a fault of ours."""
        self._fail(Refused(Cause.LATER))

    def client_lost(self) -> None:
        """The client is gone: so is the exchange."""
        self._end(End.CUT)

    def stop(self, refused: Refused) -> None:
        """End it early, because of ``refused``; told by a page if nothing of the response was passed on yet."""
        self._fail(refused)

    # the request

    def _pump_up(self) -> None:
        client, left = self._client, _TURN
        while self._owner is not None and client.readable and not self._upstream.blocked:
            if self.job.body.done and not client.ending:
                return  # the next request waits in the kernel
            if left <= 0:
                client.poller.again(client)
                return
            try:
                data = client.read() if self._pace_up is None else _paced(client, self._pace_up)
            except OSError:
                data = b""
            if data is None:
                return
            if not data:
                self.client_lost()
                return
            left -= max(len(data), _STEP)
            self._from_client(data)

    def _from_client(self, data: bytes) -> None:
        sending = self.job.body
        if sending.done:
            self.rest += data
            if len(self.rest) > _REST_MAX:
                self._end(End.CUT)
            return
        try:
            piece = sending.feed(data)
        except BadBody:
            self._fail(Refused(Cause.MALFORMED))
            return
        self.up += len(piece)
        if self.up > self._session.limits.upload and self._too_large(Action.WRITE, self.up):
            return
        self._upstream.write(_in_chunks(piece, sending.done) if sending.chunked else piece)
        if sending.done:
            self.rest, sending.rest = sending.rest, b""

    # the response

    def _pump_down(self) -> None:
        upstream, client, left = self._upstream, self._client, _TURN
        while self._owner is not None and upstream.readable and not client.blocked:
            if left <= 0:
                upstream.poller.again(upstream)
                return
            try:
                data = upstream.read() if self._pace_down is None else _paced(upstream, self._pace_down)
            except OSError:
                self._upstream_lost(False)
                return
            if data is None:
                return
            if not data:
                self._upstream_lost(True)
                return
            left -= max(len(data), _STEP)
            self._from_upstream(data)

    def _from_upstream(self, data: bytes) -> None:
        if self._coming is not None:
            self._body(self._coming, b"", data)
            return
        self._heard += len(data)
        seen, data, self._answer = len(self._answer), self._answer + data, b""
        try:
            while self._owner is not None and self._coming is None:
                end = head_end(data, seen)
                if not end:
                    self._answer = data
                    return
                answer, data, seen = response_head(data[:end]), data[end:], 0
                if answer.status < 200:
                    self._interim(answer, end)
                else:
                    self._final(answer, data)
        except BadHead:
            self._fail(Refused(Cause.BAD_ANSWER))

    def _interim(self, answer: ResponseHead, size: int) -> None:
        """Pass on a head of ``size`` bytes that is not the last one; raises :class:`BadHead`."""
        if answer.status == 101:
            raise BadHead("nobody asked for another protocol")
        self._interims += 1
        if self._interims > _INTERIM_MAX:
            raise BadHead("no end of interim answers")
        self.down += size
        if self.down > self._session.limits.download and self._too_large(Action.FETCH, self.down):
            return
        if self.job.head.minor == 1:
            self._client.write(interim(answer))

    def _final(self, answer: ResponseHead, data: bytes) -> None:
        """Pass on the head of the response and ``data``, the beginning of its body; raises :class:`BadHead`."""
        if answer.status == 407:
            raise BadHead("an origin asks for the proxy's password")
        job, session = self.job, self._session
        body = response_body(job.head.method, answer)
        size = body.length or 0
        if answer.status == 206:  # a range: all of them together are the file
            self._part = session.part_of(job.path)
            parts = self._part.down(0, self._client.poller.now) + (body.length or 1)
            size = max(whole_size(answer, body) or 0, parts)
        if size > session.limits.download and self._too_large(Action.FETCH, size):
            return
        self._coming = body
        self._upstream_keeps = keeps_open(answer)
        self._chunks = body.chunked and job.head.minor == 1
        known_end = self._chunks or body.length is not None
        self._keep = known_end and job.body.done and keeps_open(job.head)
        self._body(body, response_downstream(answer, job.head, body, self._keep), data)

    def _body(self, body: Body, head: bytes, data: bytes) -> None:
        """Pass on ``data``, after the ``head`` that came before it."""
        stray = bool(data) and body.done
        try:
            piece = body.feed(data) if data and not body.done else b""
        except BadBody:
            self._fail(Refused(Cause.BAD_ANSWER))
            return
        session, part = self._session, self._part
        self.down += len(piece)
        size = self.down if part is None else part.down(len(piece), self._client.poller.now)
        if size > session.limits.download and self._too_large(Action.FETCH, size):
            return
        whole = head + (_in_chunks(piece, body.done) if self._chunks else piece)
        if whole:
            self._client.write(whole)
        if body.done:
            self._end(End.KEEP if self._keep else End.CLOSE, reusable=self._upstream_keeps and not (stray or body.rest))

    def _upstream_lost(self, clean: bool) -> None:
        """The origin closed the connection; that may be the end of the response, or too early."""
        until_close = self._coming is not None and self._coming.length is None and not self._coming.chunked
        if until_close and clean:
            self._end(End.CLOSE)
        elif self._kept and not self._heard:
            self._end(End.STALE)
        else:
            self._fail(Refused(Cause.BAD_ANSWER))

    # how it ends

    def _too_large(self, action: Action, size: int) -> bool:
        refused = self._session.weigh(action, size)
        if refused is not None:
            self._fail(refused)
        return refused is not None

    def _fail(self, refused: Refused) -> None:
        self.failed = self.failed or refused
        if self._coming is None:
            self._end(End.CLOSE, refused)
        else:
            self._end(End.CUT)

    def _end(self, end: End, refused: Refused | None = None, reusable: bool = False) -> None:
        owner, self._owner = self._owner, None
        if owner is None:
            return
        if self._client.descriptor >= 0:
            self._client.receiver = owner
        if end is End.CUT and self._part is None and self._coming is not None:
            self._part = self._session.part_of(self.job.path)  # the rest may be asked for as a range
            self._part.down(self.down, self._client.poller.now)
        if self._part is not None:
            self._part.release()
        if self._pace_up is not None:
            self._pace_up.end()
        if self._pace_down is not None:
            self._pace_down.end()
        self._session.up += self.up
        self._session.down += self.down
        if reusable and self.job.body.done and not (self._upstream.ending or self._upstream.readable):
            owner.keep(self._session.way, self._upstream)
        else:
            self._upstream.reset()
        owner.exchanged(self, end, refused)


def _paced(source: Wire, pace: Pace) -> bytes | None:
    """Read what has come, as much as the shared line has room for."""
    most = pace.room(PIECE)
    data = source.read(most) if most else None
    pace.unused(most - len(data or b""))
    return data


def _in_chunks(piece: bytes, last: bool) -> bytes:
    """Give ``piece`` as a chunk, if there is anything in it, and what comes after the ``last`` one."""
    return (b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"") + (b"0\r\n\r\n" if last else b"")
