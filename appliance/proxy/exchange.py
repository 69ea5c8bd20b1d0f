"""One request and its response passed between a client and an origin, body by body. A faster path replaces this file.

May live here: heads rewritten, bodies moved and counted, how it ends. May not: decisions, pages, the next request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from appliance.daemon.http_framing import BadBody, Body, request_body, response_body, whole_size
from appliance.daemon.http_head import BadHead, RequestHead, cut_head, response_head
from appliance.policy.decision import Limits
from appliance.policy.request import Action
from appliance.proxy.coupling import couple, uncouple
from appliance.proxy.forward import interim, keeps_open, request_upstream, response_downstream
from appliance.proxy.replies import Cause, Refused
from appliance.proxy.target import Where
from appliance.proxy.upstream import Upstream

_REST_MAX = 256 * 1024
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class End(Enum):
    """How an exchange ended: the client's connection may go on, is closed in order, or is cut so that it shows."""

    KEEP = auto()
    CLOSE = auto()
    CUT = auto()
    STALE = auto()
    """A kept connection to the origin was gone: the request has to be sent again over a new one."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is exchanged: ``head`` goes to ``where`` as ``path``.

    ``weigh(action, bytes)`` is asked about sizes beyond ``limits`` and gives the refusal, or ``None`` to go on.
    """

    head: RequestHead
    where: Where
    path: str
    weigh: Callable[[Action, int], Refused | None]


class Exchange:
    """``client`` is its transport; ``over(end, refused)`` is called once, ``refused`` if a page is to tell why.

    ``failed`` says why it did not come to its end, told or not; ``up`` and ``down`` count the bytes of the bodies.
    """

    def __init__(
        self, client: Any, upstream: Upstream, job: Job, limits: Limits, over: Callable[[End, Refused | None], None]
    ) -> None:
        self.limits = limits
        self.rest = b""
        self.reusable = False
        self.failed: Refused | None = None
        self._client = client
        self._upstream = upstream
        self._job = job
        self._over: Callable[[End, Refused | None], None] | None = over
        self._sending: Body = request_body(job.head)
        self._answer = bytearray()
        self._coming: Body | None = None
        self._chunks = self._keep = self._upstream_keeps = False
        self.up = self.down = 0
        self._kept = False
        self._told = False  # whether the client has got any of the final response

    @property
    def moved(self) -> int:
        """How many bytes of bodies and heads went either way; grows while the exchange lives."""
        return self.up + self.down + len(self._answer) + self._told

    @property
    def all_sent(self) -> bool:
        """Whether the client has sent its whole request."""
        return self._sending.done

    def start(self, rest: bytes, kept: bool = False) -> None:
        """Begin; ``rest`` is what the client has sent beyond the head, ``kept``: the origin was used before."""
        self._kept = kept and self._job.head.method in _SAFE and self._sending.done
        self._upstream.receiver = self
        couple(self._client, self._upstream.transport)
        self._upstream.transport.write(request_upstream(self._job.head, self._job.where, self._job.path, self._sending))
        if rest:
            self.from_client(rest)

    def from_client(self, data: bytes) -> None:
        """Pass the request's body up."""
        if self._over is None or self._sending.done:
            self.rest += data
            self._client.pauseProducing()
            if len(self.rest) > _REST_MAX:
                self._end(End.CUT)
            return
        try:
            pieces = self._sending.feed(data)
        except BadBody:
            self._fail(Refused(Cause.MALFORMED))
            return
        for piece in pieces:
            self.up += len(piece)
            if self.up > self.limits.upload and self._too_large(Action.WRITE, self.up):
                return
            self._upstream.transport.writeSequence(_framed(piece, self._sending.chunked))
        if self._sending.done:
            self.rest, self._sending.rest = self._sending.rest, b""
            if self._sending.chunked:
                self._upstream.transport.write(b"0\r\n\r\n")

    def from_upstream(self, data: bytes) -> None:
        """Pass the response down."""
        if self._coming is None:
            self._answer += data
            try:
                data = self._heads()
            except BadHead:
                self._fail(Refused(Cause.BAD_ANSWER))
                return
        if self._over is not None and self._coming is not None:
            self._body(self._coming, data)

    def upstream_lost(self, clean: bool) -> None:
        """The origin closed the connection; that may be the end of the response, or too early."""
        until_close = self._coming is not None and self._coming.length is None and not self._coming.chunked
        if self._over is None:
            return
        if until_close and clean:
            self._end(End.CLOSE)
        elif self._kept and not self._told and not self._answer:
            self._end(End.STALE)
        else:
            self._fail(Refused(Cause.BAD_ANSWER))

    def client_lost(self) -> None:
        """The client is gone: so is the exchange."""
        self._end(End.CUT)

    def stop(self, refused: Refused) -> None:
        """End it early, because of ``refused``; told by a page if nothing of the response was passed on yet."""
        self._fail(refused)

    def _heads(self) -> bytes:
        while self._coming is None:
            head = cut_head(self._answer)
            if head is None:
                return b""
            answer = response_head(head)
            if answer.status < 200:
                if answer.status == 101:
                    raise BadHead("nobody asked for another protocol")
                self.down += len(head)  # there may be any number of them
                if self.down > self.limits.download and self._too_large(Action.FETCH, self.down):
                    return b""
                if self._job.head.minor == 1:
                    self._client.write(interim(answer))
                continue
            if answer.status == 407:
                raise BadHead("an origin asks for the proxy's password")
            body = response_body(self._job.head.method, answer)
            size = whole_size(answer, body) or 0
            if size > self.limits.download and self._too_large(Action.FETCH, size):
                return b""
            self._coming = body
            self._upstream_keeps = keeps_open(answer)
            self._chunks = body.chunked and self._job.head.minor == 1
            known_end = self._chunks or body.length is not None
            self._keep = known_end and keeps_open(self._job.head) and self._sending.done
            self._told = True
            self._client.write(response_downstream(answer, self._job.head, body, self._keep))
        data = bytes(self._answer)
        self._answer.clear()
        return data

    def _body(self, body: Body, data: bytes) -> None:
        try:
            pieces = body.feed(data) if data and not body.done else []
        except BadBody:
            self._fail(Refused(Cause.BAD_ANSWER))
            return
        for piece in pieces:
            self.down += len(piece)
            if self.down > self.limits.download and self._too_large(Action.FETCH, self.down):
                return
            self._client.writeSequence(_framed(piece, self._chunks))
        if body.done:
            if self._chunks:
                self._client.write(b"0\r\n\r\n")
            self.reusable = self._upstream_keeps and self._sending.done and not body.rest
            self._end(End.KEEP if self._keep else End.CLOSE)

    def _too_large(self, action: Action, size: int) -> bool:
        refused = self._job.weigh(action, size)
        if refused is not None:
            self._fail(refused)
        return refused is not None

    def _fail(self, refused: Refused) -> None:
        self.failed = self.failed or refused
        self._end(End.CUT if self._told else End.CLOSE, None if self._told else refused)

    def _end(self, end: End, refused: Refused | None = None) -> None:
        over, self._over = self._over, None
        if over is None:
            return
        self._upstream.receiver = None
        uncouple(self._client, self._upstream.transport)
        if not self.reusable:
            self._upstream.transport.abortConnection()
        over(end, refused)


def _framed(piece: bytes, chunked: bool) -> list[bytes]:
    return [b"%x\r\n" % len(piece), piece, b"\r\n"] if chunked else [piece]
