"""Connecting to an origin: its addresses in turn, the next one a moment later, and whoever answers first (RFC 8305).

May live here: attempts, and which one won. May not: names, which addresses are allowed (``upstream``), what is sent.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from appliance.proxy.addresses import Address, text_of
from appliance.proxy.deadlines import Deadlines
from appliance.proxy.eyeballs import DELAY
from appliance.proxy.poll import Poller
from appliance.proxy.wire import NOBODY, Wire

_UNDER_WAY: Final = (errno.EINPROGRESS, 0)

Done = Callable[[Wire | None], None]


class Dial:
    """Tries ``addresses`` at ``port`` for ``patience`` seconds; ``done`` gets the wire, or ``None``, once."""

    __slots__ = ("_attempts", "_deadlines", "_done", "_left", "_poller", "_port", "_timer", "_until")

    def __init__(
        self,
        poller: Poller,
        deadlines: Deadlines,
        addresses: Sequence[Address],
        port: int,
        patience: float,
        done: Done,
    ) -> None:
        self._poller = poller
        self._deadlines = deadlines
        self._left = list(addresses)
        self._port = port
        self._until = poller.now + patience
        self._done: Done | None = done
        self._attempts: list[_Attempt] = []
        self._timer: Any = None

    def start(self) -> None:
        """Begin."""
        self._deadlines.watch(self, self._until)
        self._next()

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for it still."""
        return self._done is not None

    def cancel(self) -> None:
        """Give up, and tell nobody."""
        self._end(None)

    def tick(self, now: float) -> float | None:
        """Give up when it takes too long."""
        if self._done is not None and now < self._until:
            return self._until
        self._finish(None)
        return None

    def _next(self) -> None:
        """Try the next address that can be tried at all; over when there is none and none is under way."""
        while self._left:
            try:
                self._attempts.append(_Attempt(self, self._poller, self._left.pop(0), self._port))
            except OSError:
                continue
            if self._left:
                self._timer = self._poller.reactor.callLater(DELAY, self._one_more)
            return
        if not self._attempts:
            self._finish(None)

    def _one_more(self) -> None:
        self._timer = None
        self._next()

    def _failed(self, attempt: _Attempt) -> None:
        attempt.drop()
        if attempt in self._attempts:
            self._attempts.remove(attempt)
            self._stop_timer()
            self._next()

    def _won(self, attempt: _Attempt) -> None:
        self._attempts.remove(attempt)
        self._finish(attempt)

    def _finish(self, winner: _Attempt | None) -> None:
        done = self._done
        self._end(winner)
        if done is not None:
            done(None if winner is None else winner.wire())

    def _end(self, winner: _Attempt | None) -> None:
        if self._done is not None:
            self._deadlines.forget(self, self._until)
        self._done = None
        self._left.clear()
        self._stop_timer()
        attempts, self._attempts = self._attempts, []
        for attempt in attempts:
            if attempt is not winner:
                attempt.drop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Attempt:
    """One socket on its way to one address."""

    __slots__ = ("_dial", "_poller", "descriptor", "mask")

    def __init__(self, dial: Dial, poller: Poller, address: Address, port: int) -> None:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        one = socket.SocketType(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            problem = one.connect_ex((text_of(address), port))
            if problem not in _UNDER_WAY:
                raise OSError(problem, os.strerror(problem))
            poller.watch(one.fileno(), self)
        except OSError:
            one.close()
            raise
        self._dial = dial
        self._poller = poller
        self.descriptor = one.detach()
        self.mask = 0

    def ready(self, mask: int) -> None:
        """Take the answer of the other side."""
        if self.descriptor < 0 or not mask & ~select.EPOLLRDHUP:
            return
        self.mask = mask
        if mask & (select.EPOLLERR | select.EPOLLHUP):
            self._dial._failed(self)
        else:
            self._dial._won(self)

    def broke(self) -> None:
        """End: a fault of ours."""
        self._dial._failed(self)

    def drop(self) -> None:
        """Close it."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            self._poller.close(descriptor)

    def wire(self) -> Wire:
        """Give the connection; it belongs to nobody yet, and what has come already is not lost."""
        descriptor, self.descriptor = self.descriptor, -1
        wire = Wire(self._poller, descriptor, NOBODY)
        self._poller.hand_over(descriptor, wire)
        wire.ready(self.mask)
        return wire
