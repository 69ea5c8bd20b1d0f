"""The proxy's workers tell each other what they counted, so that limits and the line's rate are one for all of them.

May live here: one datagram socket for each worker, and when what is told. May not: the format (``gossip_wire``),
counting (``metering``), sharing (``line``, ``line_part``). With a single worker nothing is opened.

The folder is the service's own, so nobody else can write there; a datagram that is not sealed with the key, which the
parent drew before it forked the workers, is not read. A worker that is away hears nothing; what one that is busy did
not take is told again.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.task import LoopingCall

from appliance.policy.request import Action
from appliance.proxy.gossip_wire import COUNTS_EACH, decode, encode
from appliance.proxy.line import Line
from appliance.proxy.line_part import Wants, part, weights
from appliance.proxy.metering import Count, Meters

_log = logging.getLogger(__name__)
_EVERY = 0.25  # seconds
_STALE = 1.0  # seconds: who was silent for so long is away
_READ_AT_ONCE = 4  # datagrams
_BUFFER = 1_000_000
_OWED_MOST = 20_000  # counts kept for a worker that is busy


@dataclass(slots=True)
class _Peer:
    path: str
    owed: list[Count] = field(default_factory=list)
    heard: dict[Action, tuple[float, Wants]] = field(default_factory=dict)


class Gossip:
    """The worker ``number`` (from 0) of ``workers``, whose sockets are ``folder/worker-N.sock``.

    ``lines`` are those that have a rate (``FETCH``: down, ``WRITE``: up); set it anew when settings change. ``key`` is
    the same in all workers, as is that of ``meters``.
    """

    def __init__(self, reactor: Any, folder: Path, number: int, workers: int, key: bytes, meters: Meters) -> None:
        self._reactor = reactor
        self._path = folder / f"worker-{number}.sock"
        self._number = number
        self._key = key
        self._meters = meters
        self._lines: Mapping[Action, Line] = {}
        others = (other for other in range(workers) if other != number)
        self._peers = {other: _Peer(str(folder / f"worker-{other}.sock")) for other in others}
        self._socket: socket.socket | None = None
        self._last = reactor.seconds()
        self._every = LoopingCall(self.tell)
        self._every.clock = reactor

    @property
    def lines(self) -> Mapping[Action, Line]:
        """The lines that are shared with the other workers."""
        return self._lines

    @lines.setter
    def lines(self, lines: Mapping[Action, Line]) -> None:
        self._lines = lines
        for line in lines.values():
            line.watched = self._socket is not None

    def open(self) -> None:
        """Begin to listen and tell. Without a socket each worker counts for itself, and the journal says so."""
        if not self._peers:
            return
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._path.unlink(missing_ok=True)  # a worker that died left it
            own.bind(str(self._path))
            self._path.chmod(0o600)
        except OSError as error:
            own.close()
            _log.error("workers cannot tell each other what they count: %s: %s", self._path, error.strerror)
            return
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            own.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        self._socket = own
        self._meters.tells = True
        self.lines = self._lines
        self._reactor.addReader(self)
        self._every.start(_EVERY, now=False)

    def close(self) -> None:
        """Stop; does nothing when it is not open."""
        own, self._socket = self._socket, None
        if own is not None:
            self._every.stop()
            self._reactor.removeReader(self)
            own.close()
            with suppress(OSError):
                self._path.unlink()

    def tell(self) -> None:
        """Tell the others what was counted since the last time, and take one's part of the lines."""
        now = self._reactor.seconds()
        passed, self._last = max(now - self._last, 1e-3), now
        wants = {action: self._divide(action, line, passed, now) for action, line in self._lines.items()}
        news = self._meters.news()
        datagrams = encode(self._number, news, wants, self._key)
        for peer in self._peers.values():
            if peer.owed:
                owed = (peer.owed + news)[-_OWED_MOST:]
                taken = self._send(peer, encode(self._number, owed, wants, self._key))
            else:
                owed, taken = news, self._send(peer, datagrams)
            peer.owed = owed[taken * COUNTS_EACH :]

    def fileno(self) -> int:
        """The socket, for the reactor."""
        return -1 if self._socket is None else self._socket.fileno()

    def doRead(self) -> None:
        """Hear what others tell."""
        for _ in range(_READ_AT_ONCE):
            if self._socket is None:
                return
            try:
                datagram = self._socket.recv(2**16)
            except OSError:  # nothing more
                return
            self._hear(datagram)

    def connectionLost(self, _reason: object) -> None:
        """The reactor found the socket broken."""
        self.close()

    def logPrefix(self) -> str:
        """Name of this reader."""
        return "gossip"

    def _hear(self, datagram: bytes) -> None:
        heard = decode(datagram, self._key)
        peer = None if heard is None else self._peers.get(heard.worker)
        if heard is None or peer is None:
            return
        now = self._reactor.seconds()
        self._meters.learn(heard.counts, now)
        for action, wants in heard.wants.items():
            peer.heard[action] = (now, wants)

    def _divide(self, action: Action, line: Line, passed: float, now: float) -> Wants:
        light, hungry = line.wants()
        names = {self._meters.hashed(login): login for login in hungry}
        own = Wants(light / passed, frozenset(names))
        heard = (peer.heard.get(action) for peer in self._peers.values())
        others = [one[1] for one in heard if one is not None and now - one[0] < _STALE]
        line.part = part(line.rate, own, others)
        line.weigh({names[account]: weight for account, weight in weights(own, others).items()})
        return own

    def _send(self, peer: _Peer, datagrams: list[bytes]) -> int:
        """Give how many of ``datagrams`` the other one took; all, if it is away."""
        for taken, datagram in enumerate(datagrams):
            try:
                if self._socket is not None:
                    self._socket.sendto(datagram, peer.path)
            except BlockingIOError:
                return taken
            except OSError:
                break
        return len(datagrams)
