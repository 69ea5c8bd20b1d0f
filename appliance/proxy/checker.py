"""Asking the password service from Twisted: the one connection to its local socket, any number of questions at once.

May live here: requests, replies, what becomes of them when the connection breaks. May not: keeping passwords. What
cannot be answered is TRY_LATER: a temporary failure is not a refusal.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from twisted.internet import defer
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from appliance.auth.client import Answer, Verdict, question
from appliance.daemon.request_client import REPLY_LIMIT
from appliance.daemon.secret import Secret
from appliance.daemon.wire import Lines, Refusal, Reply, Request, WireError
from appliance.policy.account import Service

_PATIENCE = 15.0
"""Seconds for one answer; the throttle of auth answers at once, a hash takes some hundredths."""


class AuthLine(Protocol):
    """The connection: replies find the waiting questions by their id."""

    def __init__(self) -> None:
        self.ended = False
        self._lines = Lines(REPLY_LIMIT)
        self._waiting: dict[int, Any] = {}

    def ask(self, request: Request) -> Any:
        """Send ``request``; the Deferred gives the :class:`Reply`, or fails with ``ConnectionError``."""
        answer: Any = defer.Deferred(lambda _cancelled: self._waiting.pop(request.id, None))
        self._waiting[request.id] = answer
        self.transport.write(request.encode())
        return answer

    def dataReceived(self, data: bytes) -> None:
        """Hand out what arrived."""
        try:
            for line in self._lines.feed(data):
                reply = Reply.decode(line or b"")
                waiting = self._waiting.pop(reply.id, None) if reply.id is not None else None
                if waiting is not None:
                    waiting.callback(reply)
        except WireError:
            self.transport.abortConnection()

    def connectionLost(self, _reason: object = None) -> None:
        """Tell all who wait."""
        self.ended = True
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.errback(ConnectionError("the connection ended before the reply"))


class TwistedAuthClient:
    """Asks the service on the Unix socket ``path``."""

    def __init__(self, reactor: Any, path: Path, timeout: float = _PATIENCE) -> None:
        self._reactor = reactor
        self._endpoint = UNIXClientEndpoint(reactor, str(path), timeout=timeout)
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._line: AuthLine | None = None

    async def verify(self, service: Service, login: str, password: Secret, address: str | None) -> Verdict:
        """Check a sign-in of ``login`` from the IP ``address``; never raises but when it is cancelled."""
        try:
            line = await self._connected()
            answer = line.ask(Request(next(self._ids), "verify", question(service, login, password, address)))
            reply = await answer.addTimeout(self._timeout, self._reactor)
            if isinstance(reply.outcome, Refusal):
                return Verdict(Answer.TRY_LATER, login)
            return Verdict.read(reply.outcome)
        except defer.CancelledError:
            raise
        except Exception:  # whatever keeps the answer away, it is not known whether the password is right
            return Verdict(Answer.TRY_LATER, login)

    def close(self) -> None:
        """Give the connection back; a later question opens a new one."""
        if self._line is not None:
            self._line.transport.loseConnection()

    async def _connected(self) -> AuthLine:
        if self._line is None or self._line.ended:
            line: AuthLine = await self._endpoint.connect(Factory.forProtocol(AuthLine))
            self._line = line
            return line
        return self._line
