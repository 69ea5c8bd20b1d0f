"""Connecting to an origin: its addresses in turn, the next one a moment later, and whoever answers first (RFC 8305).

May live here: attempts, and which one won. May not: names, which addresses are allowed (``upstream``), what is sent.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from appliance.proxy.deadlines import NEVER, Deadlines
from appliance.proxy.eyeballs import DELAY
from appliance.proxy.poll import Poller
from appliance.proxy.replies import Cause
from appliance.proxy.wire import NOBODY, Receiver, Wire

_UNDER_WAY: Final = (errno.EINPROGRESS, 0)
_KIND: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

Connected = Callable[[Wire | Cause], None]


class Dial(Receiver):
    """Tries ``addresses`` at ``port`` for ``patience`` seconds; ``done`` gets the wire, or why there is none, once.

    They are written as inet_ntop(3) writes them. Unless ``inside``, a connection to this machine itself is closed at
    once and never given.
    """

    __slots__ = (
        "_deadlines", "_done", "_inside", "_left", "_poller", "_port", "_problem", "_timer", "_until", "_wires", "due",
    )  # fmt: skip

    def __init__(
        self,
        poller: Poller,
        deadlines: Deadlines,
        addresses: Sequence[str],
        port: int,
        inside: bool,
        patience: float,
        done: Connected,
    ) -> None:
        self._poller = poller
        self._deadlines = deadlines
        self._left = list(addresses)
        self._port = port
        self._inside = inside
        self._until = poller.now + patience
        self._done: Connected | None = done
        self._problem = Cause.NO_CONNECTION
        self._wires: list[Wire] = []
        self._timer: Any = None
        self.due = NEVER

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

    def tick(self, _now: float) -> None:
        """Give up: it takes too long."""
        self._finish(None)

    # what the wires tell: one that is not connected yet has no room

    def drained(self, wire: Wire) -> None:
        """Take the answer of the other side."""
        if not wire.gone:
            self._finish(wire)
        else:
            self._wires.remove(wire)
            wire.close()
            self._stop_timer()
            self._next()

    def broke(self) -> None:
        """End: a fault of ours."""
        self._finish(None)

    # the steps

    def _next(self) -> None:
        """Try the next address that can be tried at all; over when there is none and none is under way."""
        while self._left:
            try:
                wire = self._attempt(self._left.pop(0))
            except OSError:
                continue
            if wire is None:
                self._problem = Cause.INSIDE
                continue
            self._wires.append(wire)
            if self._left:
                self._timer = self._poller.reactor.callLater(DELAY, self._one_more)
            return
        if not self._wires:
            self._finish(None)

    def _one_more(self) -> None:
        self._timer = None
        self._next()

    def _attempt(self, address: str) -> Wire | None:
        """Begin to connect; ``None``: it is this machine itself. Raises ``OSError``."""
        one = socket.SocketType(socket.AF_INET6 if ":" in address else socket.AF_INET, _KIND)
        try:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            problem = one.connect_ex((address, self._port))
            if problem not in _UNDER_WAY:
                raise OSError(problem, os.strerror(problem))
            # A machine speaks to its own addresses, old and new, from these; from where is settled by now.
            if not self._inside and one.getsockname()[0] == address:
                one.close()
                return None
            wire = Wire(self._poller, one.fileno(), self)
            wire.wait()
            self._poller.watch(wire.descriptor, wire)
        except OSError:
            one.close()
            raise
        one.detach()
        return wire

    def _finish(self, winner: Wire | None) -> None:
        done = self._done
        self._end(winner)
        if done is not None:
            done(self._problem if winner is None else winner)

    def _end(self, winner: Wire | None) -> None:
        self._deadlines.forget(self)
        self._done = None
        self._left.clear()
        self._stop_timer()
        wires, self._wires = self._wires, []
        for wire in wires:
            if wire is winner:
                wire.receiver = NOBODY
            else:
                wire.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
