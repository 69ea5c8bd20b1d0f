"""The probe of the clock: how far this server's time is from that of its sources, for Kerberos takes five minutes.

PCs take their time from this server, tickets are good for both as long as they agree; a server whose clock is wrong
takes all of them with it, and its certificates and schedules too. Asked is as RFC 4330 says (SNTP), rarely: in between
the clock is compared with itself, for one that is set wrong by hand moves against the time since the start. A school
without internet has no source to ask: that is no failure. Blocking.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.supervisor.probe import ProbeFailed, Visitor

KERBEROS: Final = 300.0
"""Seconds that clocks may differ at a log-on (RFC 4120, 5.5.1; the default of Windows and MIT Kerberos)."""
ALARM: Final = 120.0
"""Seconds of difference that are told: a PC's own clock may be wrong by as much again."""
EVERY: Final = 1024.0
"""Seconds between two questions to a source; public ones ask for no less than a minute."""
AGAIN: Final = 64.0
"""Seconds after which a source that was silent, or found a difference, is asked again."""

_OWN: Final = "127.0.0.1"
_PORT: Final = 123
_QUESTION: Final = b"\x23" + bytes(47)  # version 4, client
_REPLY: Final = struct.Struct("!BB22xQQQ")  # flags, stratum; originate, receive, transmit
_SINCE_1900: Final = 2_208_988_800
_SERVER: Final = 4
_UNSYNCHRONISED: Final = 3


@dataclass(frozen=True, slots=True)
class _Measured:
    """The ``difference`` of the source to us in seconds, when the clock stood at ``clock`` after ``ticks`` seconds."""

    difference: float
    clock: float
    ticks: float


class ClockProbe:
    """``ask(host, seconds)`` gives how far a source is ahead of us, in seconds; ``OSError`` when it does not tell."""

    def __init__(
        self,
        ask: Callable[[str, float], float] | None = None,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask or difference_to
        self._clock = clock
        self._ticks = ticks
        self._measured: _Measured | None = None
        self._next = ticks()
        self._asking: threading.Thread | None = None

    def __call__(self, visitor: Visitor) -> None:
        """Compare; raises :class:`ProbeFailed` when the clock is off by more than :data:`ALARM`."""
        if self._ticks() >= self._next and (self._asking is None or not self._asking.is_alive()):
            # Where the way to other names is gone, a resolver takes its time: it is not waited for.
            asked = (visitor.settings.domain.time_servers or (_OWN,), visitor.timeout)
            self._asking = threading.Thread(target=self._measure, args=asked, name="clock", daemon=True)
            self._asking.start()
            self._asking.join(visitor.timeout)
        off = self._off()
        if abs(off) <= ALARM:
            return
        self._next = min(self._next, self._ticks() + AGAIN)
        way = "behind" if off > 0 else "ahead of"
        refused = "PCs refuse log-on" if abs(off) > KERBEROS else "from 5 min on PCs refuse log-on"
        raise ProbeFailed(None, f"the clock is {_span(abs(off))} {way} its time source, {refused}; {_REMEDY}")

    def _measure(self, sources: Sequence[str], timeout: float) -> None:
        """Ask one source after the other until one tells; what was known stays while none does."""
        for source in sources:
            try:
                difference = self._ask(source, timeout)
            except OSError:
                continue
            self._measured = _Measured(difference, self._clock(), self._ticks())
            self._next = self._ticks() + EVERY
            return
        self._next = self._ticks() + AGAIN

    def _off(self) -> float:
        """How many seconds the source is ahead of us now."""
        known = self._measured
        if known is None:
            return 0.0
        set_by = (self._clock() - known.clock) - (self._ticks() - known.ticks)
        return known.difference - set_by


_REMEDY: Final = "see chronyc tracking and sources, then set it right with: systemctl restart schoolserver-time"


def difference_to(host: str, timeout: float) -> float:
    """Ask ``host`` for the time; gives by how many seconds it is ahead. Raises ``OSError``, also for no usable answer.

    Half of the way there and back is taken off, as RFC 4330, 5 has it.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, _PORT, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as line:
        line.settimeout(timeout)
        line.connect(address)
        # Who answers repeats what we call our time; it need not be the true one, so that nobody else can answer.
        mark = os.urandom(8)
        sent = time.time()
        line.send(_QUESTION[:40] + mark)
        data = line.recv(512)
        came = time.time()
    if len(data) < _REPLY.size:
        raise OSError("no answer of a time server")
    flags, stratum, repeated, received, answered = _REPLY.unpack(data[: _REPLY.size])
    alive = flags & 7 == _SERVER and flags >> 6 != _UNSYNCHRONISED and 0 < stratum < 16
    if not alive or repeated.to_bytes(8, "big") != mark or not answered:
        raise OSError("the time server does not know the time")
    return ((_seconds(received) - sent) + (_seconds(answered) - came)) / 2


def _seconds(stamp: int) -> float:
    """A time stamp of RFC 4330, 3 in seconds since 1970; after 2036 its first half begins anew."""
    whole = stamp >> 32
    return whole + (0 if whole >= 1 << 31 else 1 << 32) - _SINCE_1900 + (stamp & 0xFFFFFFFF) / (1 << 32)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= KERBEROS else f"{seconds:.0f} s"
