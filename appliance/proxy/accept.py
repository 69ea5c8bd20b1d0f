"""Taking in connections: the listening sockets that were handed in, and how many connections there may be.

May live here: accepting, counting. May not: HTTP, what takes too long (``deadlines``). When descriptors run out, who
knocks waits in the kernel until there are some again.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from appliance.daemon.tls import server_context
from appliance.proxy.poll import Poller
from appliance.proxy.wire import Receiver, TlsWire, Wire

_log = logging.getLogger(__name__)
_BACKLOG: Final = 4096
_AT_ONCE: Final = 64
_TOLD: Final = 50
"""Connections beyond the most that are told so, for a moment."""
_PAUSE: Final = 0.25
_NONE_LEFT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_MAPPED: Final = "::ffff:"


class Connections:
    """The open connections of one worker, ``most`` altogether and ``most_each`` from one address."""

    def __init__(self, most: int, most_each: int) -> None:
        self.most = most
        self.most_each = most_each
        self._held: dict[Wire, str] = {}
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Receiver]:
        """Whoever has them now."""
        return iter([wire.receiver for wire in self._held])

    def enter(self, one: Wire, address: str) -> bool:
        """Count ``one`` from ``address``; whether there is room for it."""
        self._held[one] = address
        self._by_address[address] += 1
        return len(self._held) <= self.most and self._by_address[address] <= self.most_each

    def flooded(self, address: str) -> bool:
        """Whether so many come beyond what there is room for that nobody can be told why: all, or from ``address``."""
        return len(self._held) > self.most + _TOLD or self._by_address[address] > self.most_each + _TOLD

    def exit(self, one: Wire) -> None:
        """Forget ``one``, if it is known."""
        address = self._held.pop(one, None)
        if address is None:
            return
        left = self._by_address[address] - 1
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]


class Newcomer(Receiver):
    """What begins with a connection."""

    __slots__ = ()

    def begin(self, wire: Wire, address: str) -> None:
        """Serve ``wire``, which comes from the IP ``address``."""
        raise NotImplementedError


class Port:
    """Accepts on the socket ``handed`` in; each connection gets what ``make`` gives, through TLS if ``tls``.

    Who comes from an IP address that ``admits`` does not is turned away without a word.
    """

    def __init__(
        self,
        poller: Poller,
        handed: socket.socket,
        make: Callable[[], Newcomer],
        tls: Certificate | None = None,
        admits: Callable[[str], bool] | None = None,
    ) -> None:
        self._poller = poller
        self._listener = handed
        self._make = make
        self._tls = tls
        self._admits = admits
        handed.setblocking(False)
        handed.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # those that it accepts have it, too
        handed.listen(_BACKLOG)
        self._watched = self._full = False
        self._resting: Any = None
        self._watch()

    def ready(self, mask: int) -> None:
        """Take in who knocks, after those who go have made room."""
        if mask:
            self._poller.again(self)
            return
        for _ in range(_AT_ONCE):
            if not self._watched:
                return
            if self._poller.full:
                self._rest()
                return
            try:
                descriptor, peer = self._listener._accept()  # type: ignore[attr-defined]  # no object for each
            except BlockingIOError:
                self._full = False
                return
            except OSError as error:
                if error.errno in _NONE_LEFT:
                    self._rest()
                    return
                continue  # that one has gone already
            self._take(descriptor, peer[0])

    def broke(self) -> None:
        """Go on: the next one is another."""

    def stop(self) -> None:
        """Accept no more."""
        self._pause()
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _take(self, descriptor: int, peer: str) -> None:
        address = sys.intern(peer.removeprefix(_MAPPED).partition("%")[0])
        if self._admits is not None and not self._admits(address):
            os.close(descriptor)
            return
        newcomer = self._make()
        try:
            wire = self._wire(descriptor, newcomer)
        except OSError:
            return
        try:
            self._poller.watch(wire.descriptor, wire)
        except OSError:
            wire.close()
            return
        newcomer.begin(wire, address)

    def _wire(self, descriptor: int, newcomer: Newcomer) -> Wire:
        """Give the wire; raises ``OSError`` when it is gone."""
        if self._tls is None:
            os.set_blocking(descriptor, False)
            return Wire(self._poller, descriptor, newcomer)
        with socket.socket(fileno=descriptor) as connection:
            connection.setblocking(False)
            return TlsWire(self._poller, self._tls.wrap(connection), newcomer)

    def _watch(self) -> None:
        self._resting = None
        try:
            self._poller.watch(self._listener.fileno(), self, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        except OSError:
            self._rest()
        else:
            self._watched = True

    def _pause(self) -> None:
        if self._watched:
            self._watched = False
            self._poller.forget(self._listener.fileno())

    def _rest(self) -> None:
        """No descriptor is left: look again in a moment."""
        self._pause()
        if not self._full:
            self._full = True
            _log.warning("no descriptors are left for new connections")
        self._resting = self._poller.reactor.callLater(_PAUSE, self._watch)


class Certificate:
    """The TLS side of the encrypted port: certificate and key of ``folder`` (K06)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = server_context(folder)

    def wrap(self, connection: socket.socket) -> ssl.SSLSocket:
        """Put ``connection`` behind TLS; nothing is sent or waited for; raises ``OSError`` when it is gone."""
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def reload(self) -> None:
        """Use what lies in the folder now for later connections; raises ``TlsError`` and changes nothing."""
        self._context = server_context(self._folder)
