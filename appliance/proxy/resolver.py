"""Asking the nameservers: one after the other until one answers, from a port and with a number nobody can guess.

May live here: sending, waiting, TCP for what does not fit. May not: the bytes (``dns_message``), keeping answers.
Each try has a socket of its own, connected to the server: the kernel chooses the port and lets nobody else answer.
Twisted's own resolver takes answers from anyone who knows the number, and writes addresses to the journal.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import ClientFactory, Protocol
from zope.interface import implementer

from appliance.proxy.dns_message import Answer, Flaw, Kind, answer, question

_WAITS = (1.0, 2.0, 4.0)
"""Seconds until the next server is asked too, the first time and when all have been asked."""
_LARGEST = 4096
_DATAGRAM = 1500


class Resolver:
    """Asks the nameservers ``servers`` (addresses) at ``port``, always in this order.

    The first may know names that the others do not, so that it is asked first even if it was slow before.
    """

    def __init__(self, reactor: Any, servers: tuple[str, ...], port: int) -> None:
        self.reactor = reactor
        self.servers = servers
        self.port = port

    async def ask(self, name: str, kind: Kind, deadline: float) -> Answer | None:
        """Ask for ``name`` (lower case, ASCII, no final dot).

        ``None``: nobody could say before ``deadline``, or before it was cancelled.
        """
        try:
            found: Answer | None = await _Asking(self, name, kind).begin(deadline)
        except defer.CancelledError:
            return None
        return found


class _Asking:
    """One question, until a server answers, all have failed, or it took too long."""

    def __init__(self, resolver: Resolver, name: str, kind: Kind) -> None:
        self._resolver = resolver
        self._reactor = resolver.reactor
        self._name = name
        self._kind = kind
        self._servers = resolver.servers
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
        if server == self._current:
            self._next()

    def _by_datagram(self, server: str) -> bool:
        number = secrets.randbelow(65536)
        asked = question(number, self._name, self._kind)
        try:
            way = _Datagram(
                (server, self._resolver.port),
                asked,
                lambda data: self._take(server, number, data),
                lambda: self._fail(server),
            )
        except OSError:
            self._failed.add(server)
            return False
        self._reactor.addReader(way)
        self._open.append(lambda: self._leave(way))
        return True

    def _leave(self, way: _Datagram) -> None:
        self._reactor.removeReader(way)
        way.close()

    def _by_stream(self, server: str) -> None:
        number = secrets.randbelow(65536)
        asked = question(number, self._name, self._kind)
        factory = _Streams(asked, lambda data: self._take(server, number, data, True), lambda: self._fail(server))
        self._open.append(self._reactor.connectTCP(server, self._resolver.port, factory).disconnect)

    def _take(self, server: str, number: int, data: bytes, whole: bool = False) -> None:
        found = answer(data, number, self._name, self._kind)
        if self._ended or (found is None and not whole):
            return
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


@implementer(IReadDescriptor)
class _Datagram:
    """A question by UDP, and what comes back for it."""

    def __init__(
        self, server: tuple[str, int], asked: bytes, take: Callable[[bytes], None], fail: Callable[[], None]
    ) -> None:
        self._take = take
        self._fail = fail
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect(server)
            self._socket.send(asked)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "DNS"

    def doRead(self) -> None:
        try:
            data = self._socket.recv(_DATAGRAM)
        except BlockingIOError:
            return
        except OSError:
            self._fail()
        else:
            self._take(data)

    def connectionLost(self, _reason: object) -> None:
        self._fail()  # refused, seen by epoll before it is read

    def close(self) -> None:
        self._socket.close()


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
