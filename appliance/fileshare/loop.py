"""pyftpdlib's event loop as a loop of the skeleton, and how a worker serves on it. To be imported in a worker only.

May live here: timers, wake-ups, the turn of the loop. May not: FTP. There is no thread anywhere (see ``acting``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol, TypeVar

from pyftpdlib.ioloop import IOLoop

from appliance.daemon.loop import Cancel
from appliance.daemon.worker import Done, Worker

_log = logging.getLogger(__name__)
_LONGEST_TURN, _SHORTEST_TURN = 1.0, 0.001  # seconds; pyftpdlib 1.5.7 takes a time-out of 0 for "for ever"
_DRAIN = 8.0

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class FileService(Protocol[S_contra]):
    """What ``start`` returns."""

    def stop(self) -> None:
        """Accept nothing new and finish what is under way."""
        ...

    @property
    def busy(self) -> bool:
        """Whether something is still under way after :meth:`stop`."""
        ...

    def end(self) -> None:
        """Break off what is still under way."""
        ...

    def reload(self, settings: S_contra) -> None:
        """Go on with ``settings``."""
        ...


class FtpLoop:
    """An ``IOLoop`` as a :class:`~appliance.daemon.loop.Loop`; ``ioloop`` is the loop itself, for channels."""

    def __init__(self) -> None:
        self.ioloop = IOLoop()
        self._woken: deque[Callable[[], None]] = deque()
        self._alarm = _Alarm(self.ioloop, self._run_woken)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Cancel:
        """Run ``callback`` once, ``seconds`` from now; the result cancels it."""
        call = self.ioloop.call_later(max(seconds, 0.0), _guarded, callback)
        return lambda: None if call.cancelled else call.cancel()

    def wake(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` soon; for signal handlers."""
        self._woken.append(callback)
        self._alarm.ring()

    def turn(self, left: float | None) -> float | None:
        """Wait at most ``left`` seconds for something to do, do it, and say how long to wait the next time."""
        patience = _LONGEST_TURN if left is None else min(max(left, _SHORTEST_TURN), _LONGEST_TURN)
        soonest: float | None = self.ioloop.loop(patience, blocking=False)
        return soonest

    def take_signals(self) -> None:
        """Let the arrival of a signal end the waiting, even one that comes just before it begins."""
        signal.set_wakeup_fd(self._alarm.writing, warn_on_full_buffer=False)

    def _run_woken(self) -> None:
        for _ in range(len(self._woken)):
            _guarded(self._woken.popleft())


class _Alarm:
    """A pipe in the loop, in the shape that pyftpdlib expects: whatever is written to it makes ``heard`` run."""

    def __init__(self, ioloop: Any, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._fileno, self.writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        ioloop.register(self._fileno, self, ioloop.READ)

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is ringing already
            os.write(self.writing, b"!")

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._fileno, 4096)
        self._heard()

    def handle_error(self) -> None:
        _log.exception("a callback failed")

    def close(self) -> None:
        """Stay: it belongs to the loop."""


def serve(worker: Worker[S], start: Callable[[Worker[S], FtpLoop], FileService[S]]) -> int:
    """Run ``start(worker, loop)``, say ready, serve until told to stop, then as long as it is busy with the last."""
    loop = FtpLoop()
    loop.take_signals()
    service = start(worker, loop)
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True

    def reload(settings: S, done: Done) -> None:
        service.reload(settings)
        done(None)

    worker.attach(loop, stop=stop, reload=reload)
    worker.ready()
    left: float | None = 0.0
    while not stopping:
        left = loop.turn(left)
    service.stop()
    limit = monotonic() + _DRAIN
    while service.busy and monotonic() < limit:
        left = loop.turn(0.05)
    service.end()
    return 0


def _guarded(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # one callback's error must not end the loop
        _log.exception("a callback failed")
