"""Asking the nameservers: one after the other until one answers, from a port and with a number nobody can guess.

May live here: sending, waiting, TCP for what does not fit. May not: the bytes (``dns_message``), keeping answers.
Each try has a socket of its own, connected to the server: the kernel chooses the port and lets nobody else answer.
Twisted's own resolver takes answers from anyone who knows the number, and writes addresses to the journal.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from twisted.internet import defer, error
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Protocol

from appliance.proxy.dns_message import Answer, Flaw, Kind, answer, question

_WAITS = (1.0, 2.0, 4.0)
"""Seconds until the next server is asked too, the first time and when all have been asked."""
_SILENT = 30.0
"""Seconds for which a server that let us wait is asked after the others."""
_LARGEST = 8192


class Resolver:
    """Asks the nameservers ``servers`` (addresses, in this order) at ``port``."""

    def __init__(self, reactor: Any, servers: tuple[str, ...], port: int) -> None:
        self.reactor = reactor
        self.servers = servers
        self.port = port
        self.silent: dict[str, float] = {}

    async def ask(self, name: str, kind: Kind, deadline: float) -> Answer | None:
        """Ask for ``name`` (lower case, ASCII, no final dot); ``None``: nobody could say before ``deadline``."""
        found: Answer | None = await _Asking(self, name, kind).begin(deadline)
        return found


class _Asking:
    """One question, until a server answers, all have failed, or it took too long."""

    def __init__(self, resolver: Resolver, name: str, kind: Kind) -> None:
        self._resolver = resolver
        self._reactor = resolver.reactor
        self._name = name
        self._kind = kind
        now = self._reactor.seconds()
        self._servers = sorted(resolver.servers, key=lambda one: resolver.silent.get(one, now) > now)
        self._tries = iter([(server, wait) for wait in _WAITS for server in self._servers])
        self._failed: set[str] = set()
        self._current = ""
        self._ended = False
        self._open: list[Callable[[], object]] = []
        self._timers: list[Any] = []
        self._done: Any = defer.Deferred(lambda _cancelled: self._close())

    def begin(self, deadline: float) -> Any:
        """Start to ask; the result is the answer or ``None``."""
        left = max(0.0, deadline - self._reactor.seconds())
        self._timers.append(self._reactor.callLater(left, self._end, None))
        self._next()
        return self._done

    def _next(self) -> None:
        for server, wait in self._tries:
            self._current = server
            if server not in self._failed and self._by_datagram(server):
                self._timers.append(self._reactor.callLater(wait, self._waited, server))
                return
        self._current = ""
        if self._failed.issuperset(self._servers):
            self._end(None)

    def _waited(self, server: str) -> None:
        self._resolver.silent[server] = self._reactor.seconds() + _SILENT
        if server == self._current:
            self._next()

    def _by_datagram(self, server: str) -> bool:
        number = secrets.randbelow(65536)
        way = _Datagrams(lambda data: self._take(server, number, data), lambda: self._fail(server))
        try:
            port = self._reactor.listenUDP(0, way, interface="::" if ":" in server else "")
        except (error.CannotListenError, OSError):
            self._failed.add(server)
            return False
        self._open.append(port.stopListening)
        try:
            way.transport.connect(server, self._resolver.port)
            way.transport.write(question(number, self._name, self._kind))
        except OSError:
            self._failed.add(server)
            return False
        return True

    def _by_stream(self, server: str) -> None:
        number = secrets.randbelow(65536)
        asked = question(number, self._name, self._kind)
        factory = _Streams(asked, lambda data: self._take(server, number, data, True), lambda: self._fail(server))
        self._open.append(self._reactor.connectTCP(server, self._resolver.port, factory).disconnect)

    def _take(self, server: str, number: int, data: bytes, whole: bool = False) -> None:
        found = answer(data, number, self._name, self._kind)
        if self._ended or (found is None and not whole):
            return
        self._resolver.silent.pop(server, None)
        if isinstance(found, Answer):
            self._end(found)
        elif found is Flaw.CUT and not whole:
            self._by_stream(server)
        else:
            self._fail(server)

    def _fail(self, server: str) -> None:
        if self._ended:
            return
        self._failed.add(server)
        if server == self._current or self._failed.issuperset(self._servers):
            self._next()

    def _end(self, found: Answer | None) -> None:
        self._close()
        self._done.callback(found)

    def _close(self) -> None:
        self._ended = True
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        while self._open:
            self._open.pop()()


class _Datagrams(DatagramProtocol):
    """A question by UDP, and what comes back for it."""

    noisy = False

    def __init__(self, take: Callable[[bytes], None], fail: Callable[[], None]) -> None:
        self._take = take
        self._fail = fail

    def datagramReceived(self, data: bytes, _address: object) -> None:
        self._take(data)

    def connectionRefused(self) -> None:
        self._fail()


class _Stream(Protocol):
    """A question by TCP; each message is preceded by its length (RFC 1035, 4.2.2)."""

    def __init__(self, asked: bytes, take: Callable[[bytes], None], fail: Callable[[], None]) -> None:
        self._asked = asked
        self._take = take
        self._fail = fail
        self._came = b""

    def connectionMade(self) -> None:
        self.transport.write(len(self._asked).to_bytes(2, "big") + self._asked)

    def dataReceived(self, data: bytes) -> None:
        self._came += data
        size = int.from_bytes(self._came[:2], "big")
        if len(self._came) < 2:
            return
        if size > _LARGEST:
            self.transport.abortConnection()
        elif len(self._came) >= 2 + size:
            self._take(self._came[2 : 2 + size])

    def connectionLost(self, _reason: object = None) -> None:
        self._fail()


class _Streams(ClientFactory):
    noisy = False

    def __init__(self, asked: bytes, take: Callable[[bytes], None], fail: Callable[[], None]) -> None:
        self._arguments = (asked, take, fail)
        self._fail = fail

    def buildProtocol(self, _address: object) -> _Stream:
        return _Stream(*self._arguments)

    def clientConnectionFailed(self, _connector: object, _reason: object) -> None:
        self._fail()
