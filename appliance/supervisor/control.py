"""The control API: HTTP/1.1 and JSON on the Unix socket that was handed in.

``POST /v1/<verb>`` with a JSON object of at most 1 MiB; the answer is ``application/x-ndjson``: any number of
``{"progress": {"done", "total", "text"}}``, then ``{"result": {}}`` or ``{"error": {"kind", "text"}}``.
May live here: the protocol, its limits, who asks. May not: any verb; what a verb needs.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ServerFactory
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web import http

from appliance.supervisor.peer import Asker
from appliance.supervisor.verb import Call, Verb, VerbError

LOG = logging.getLogger(__name__)

BODY_LIMIT: Final = 1024 * 1024
_PREFIX: Final = b"/v1/"
_IDLE: Final = 30.0
"""Seconds a client may be silent while it asks."""
_LINGER: Final = 2.0
"""Seconds in which the rest of a refused body is thrown away, so that its sender reads the refusal and not a reset."""
_PULSE: Final = 5.0
"""Seconds after which a working verb says again how far it is, so that its caller knows it is alive."""
_STATUS: Final = {
    "wrong-arguments": 400,
    "not-allowed": 403,
    "unknown-verb": 404,
    "wrong-method": 405,
    "too-large": 413,
    "internal": 500,
    "try-later": 503,
}
_REFUSED: Final = 409
"""For every other kind of error: it was understood, and the answer is no."""


class ControlFactory(ServerFactory):
    """Serves a closed table of verbs to root, our own user and the members of ``groups``."""

    noisy = False

    def __init__(self, reactor: Any, verbs: Mapping[str, Verb], pool: ThreadPool, groups: Collection[int]) -> None:
        self.reactor = reactor
        self.verbs = dict(verbs)
        self.pool = pool
        self.groups = groups
        self._running: set[_Request] = set()
        self._waiting: list[Deferred] = []

    def buildProtocol(self, _address: object) -> http.HTTPChannel:
        """Make the HTTP channel of a new connection."""
        channel = http.HTTPChannel()
        channel.requestFactory = _Request
        channel.factory = self
        channel.timeOut = _IDLE
        channel.callLater = self.reactor.callLater
        return channel

    def began(self, request: _Request) -> None:
        """A verb runs for ``request``."""
        self._running.add(request)

    def done(self, request: _Request) -> None:
        """The verb of ``request`` has ended, its answer is written."""
        self._running.discard(request)
        if not self._running:
            waiting, self._waiting = self._waiting, []
            for ended in waiting:
                ended.callback(None)

    def ended(self) -> Deferred:
        """Fires when no verb runs."""
        if not self._running:
            return succeed(None)
        ended: Deferred = Deferred()
        self._waiting.append(ended)
        return ended

    def log(self, request: http.Request) -> None:
        """Nothing: who did what is recorded by the verbs, and the journal names nobody."""


class _Request(http.Request):
    """One request; its body stays in memory and under the limit."""

    _refused = False
    _gone = False
    _started = False
    _last: tuple[int, int, str] = (0, 0, "")
    _pulse: Any = None
    _factory: ControlFactory

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        if length is not None and length > BODY_LIMIT:
            self._refuse_body()

    def handleContentChunk(self, data: bytes) -> None:
        if self._refused:
            return
        if self.content.tell() + len(data) > BODY_LIMIT:
            self._refuse_body()
            return
        self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self._refused:
            self.channel.loseConnection()
            return
        self.method, self.uri, self.clientproto = command, path, version
        self.notifyFinish().addErrback(self._left)
        self._run()

    def _refuse_body(self) -> None:
        """Answer at once, before the body is here, and throw away what still comes of it."""
        self._refused = True
        self.content = BytesIO()
        self.requestHeaders.removeHeader(b"expect")
        text = f"a request has at most {BODY_LIMIT} bytes"
        body = _line({"error": {"kind": "too-large", "text": text}})
        head = (
            "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Type: application/x-ndjson\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        channel = self.channel
        channel.transport.write(head.encode() + body)
        channel.setTimeout(None)
        linger = channel.callLater(_LINGER, channel.transport.abortConnection)
        self.notifyFinish().addErrback(lambda _: linger.active() and linger.cancel())

    def _run(self) -> None:
        self._factory = factory = self.channel.factory
        try:
            asker = _asker(self.channel.transport.socket)
            if not asker.allowed(factory.groups):
                raise VerbError("not-allowed", "the control socket is for administrators of this server")
            verb = self._verb(factory.verbs)
            arguments = verb.checked(_object(self.content.getvalue()))
        except VerbError as refusal:
            self._end({"error": {"kind": refusal.kind, "text": refusal.text}})
            return
        factory.began(self)
        self._pulse = factory.reactor.callLater(_PULSE, self._beat)
        call = Call(arguments, asker.name, self._progress_from_thread)
        deferToThreadPool(factory.reactor, factory.pool, verb.run, call).addBoth(self._done)

    def _verb(self, verbs: Mapping[str, Verb]) -> Verb:
        if not self.uri.startswith(_PREFIX):
            raise VerbError("unknown-verb", "only POST /v1/<verb> is served here")
        name = self.uri[len(_PREFIX) :].decode("ascii", "replace")
        verb = verbs.get(name)
        if verb is None:
            raise VerbError("unknown-verb", f"there is no verb {name[:40]!r}; known: {', '.join(sorted(verbs))}")
        if self.method != b"POST":
            raise VerbError("wrong-method", "a verb is called with POST")
        return verb

    def _progress_from_thread(self, done: int, total: int, text: str) -> None:
        self._factory.reactor.callFromThread(self._progress, done, total, text)

    def _progress(self, done: int, total: int, text: str) -> None:
        self._last = (done, total, text)
        self._say({"progress": {"done": done, "total": total, "text": text}})

    def _beat(self) -> None:
        self._pulse = self._factory.reactor.callLater(_PULSE, self._beat)
        self._progress(*self._last)

    def _done(self, outcome: Any) -> None:
        if self._pulse.active():
            self._pulse.cancel()
        if not isinstance(outcome, Failure):
            self._end({"result": outcome})
        elif isinstance(outcome.value, VerbError):
            self._end({"error": {"kind": outcome.value.kind, "text": outcome.value.text}})
        else:
            LOG.error("a verb failed", exc_info=(outcome.type, outcome.value, outcome.getTracebackObject()))
            self._end({"error": {"kind": "internal", "text": "it failed; the journal of the supervisor says where"}})
        self._factory.done(self)

    def _end(self, answer: dict[str, Any]) -> None:
        if self._gone:
            return
        if not self._started and "error" in answer:
            self.setResponseCode(_STATUS.get(answer["error"]["kind"], _REFUSED))
        self._say(answer)
        self.finish()

    def _say(self, answer: dict[str, Any]) -> None:
        if self._gone:
            return
        if not self._started:
            self._started = True
            self.setHeader(b"content-type", b"application/x-ndjson")
        self.write(_line(answer))

    def _left(self, _: Failure) -> None:
        """The client went away; what it asked for is done nevertheless."""
        self._gone = True


def _asker(connection: socket.socket) -> Asker:
    try:
        return Asker.of(connection)
    except OSError as problem:
        raise VerbError("not-allowed", f"it is not known who asks: {problem.strerror}") from problem


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError) as problem:
        raise VerbError("wrong-arguments", f"the body is not JSON: {problem}") from problem
    if not isinstance(value, dict):
        raise VerbError("wrong-arguments", "the body is not a JSON object")
    return value


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode() + b"\n"
