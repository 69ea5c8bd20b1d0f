"""The parent process of a daemon: forks workers, listens to their heartbeats, restarts them, feeds the watchdog.

May live here: processes, pipes and signals, by ``select.poll``. May not: an event loop or a thread (both break at
fork), a connection, anything a client can reach.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from appliance.daemon.logs import describe
from appliance.daemon.notify import Notifier
from appliance.daemon.parent import end_with_parent
from appliance.daemon.reload_line import Askers, answer
from appliance.daemon.wire import Lines

_log = logging.getLogger(__name__)

WATCHDOG = 20.0  # seconds, when nobody told us
_FIRST_DELAY, _LONGEST_DELAY, _STEADY = 0.1, 10.0, 60.0  # seconds: back-off, and after how long a worker counts as well
_RELOAD_PATIENCE = 30.0  # seconds in which every worker must have gone over to new settings
_HANDLED = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


@dataclass(slots=True)
class _Hand:
    """One worker, seen from the parent; ``pid`` 0: to be started at the instant ``due`` (monotonic)."""

    number: int
    pid: int = 0
    line: int = -1
    lines: Lines = field(default_factory=Lines)
    due: float = 0.0
    delay: float = _FIRST_DELAY
    started: float = 0.0
    heard: float = 0.0
    ready: bool = False
    reloading: bool = False
    ending: bool = False
    kept: str = ""
    status: str = ""


class Crew:
    """``count`` workers, each running ``work(number, line, beat)`` in a fork, where ``line`` is its pipe to us.

    ``reload()`` reads the settings again and says what is wrong with them, nothing if they are right; ``drain`` is how
    many seconds workers have to end after SIGTERM.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[int, int, float], int],
        reload: Callable[[], Sequence[str]],
        notifier: Notifier,
        drain: float,
    ) -> None:
        self._work = work
        self._reload = reload
        self._notifier = notifier
        self._drain = drain
        watchdog = notifier.watchdog or WATCHDOG
        self._beat = min(watchdog / 4, 1.0)
        self._patience = max(2 * self._beat, watchdog / 4)  # a worker that starts has longer: imports, indexes
        self._patience_at_start = watchdog * 3 / 4
        self._longest_silence = watchdog
        self._feed_every = watchdog / 4
        self._hands = [_Hand(number) for number in range(count)]
        self._poll = select.poll()
        self._said: tuple[bool, str] = (False, "")
        self._askers = Askers()
        self._reload_asked = False
        self._reload_by: float | None = None  # None: none is under way
        self._answered: list[socket.socket] = []  # whom the reload under way answers
        self._kept_settings = False
        self._stop_by: float | None = None
        self._feed_at = 0.0

    def run(self) -> int:
        """Run until SIGTERM or SIGINT and until the workers ended; return the exit code."""
        self._signals, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in _HANDLED:
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._poll.register(self._signals, select.POLLIN)
        if self._askers.open:
            self._poll.register(self._askers, select.POLLIN)
        else:
            _log.warning("reload cannot be waited for: another process has taken its name")
        while self._stop_by is None or any(hand.pid for hand in self._hands):
            self._start_due()
            events = self._poll.poll(self._wait() * 1000)
            for descriptor, _event in events:
                if self._askers.open and descriptor == self._askers.fileno():
                    self._reload_asked |= self._askers.come()
                elif descriptor != self._signals:
                    self._listen(descriptor)
            self._handle_signals()
            self._tend_reload()
            self._report()
        return 0

    def _wait(self) -> float:
        now = time.monotonic()
        instants = [self._feed_at, *(hand.due for hand in self._hands if not hand.pid and self._stop_by is None)]
        if self._stop_by is not None:
            instants.append(self._stop_by)
        if self._reload_by is not None:
            instants.append(self._reload_by)
        return max(0.0, min(min(instants) - now, self._beat))

    # signals

    def _handle_signals(self) -> None:
        arrived: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            arrived.update(os.read(self._signals, 4096))
        if arrived & {signal.SIGTERM, signal.SIGINT}:
            self._stop()
        self._reload_asked |= signal.SIGHUP in arrived
        self._bury()
        if self._stop_by is not None and time.monotonic() >= self._stop_by:
            late = [hand for hand in self._hands if hand.pid]
            if late:
                _log.warning("%d worker(s) did not end within %g s and are killed", len(late), self._drain)
            self._kill(signal.SIGKILL)
            self._stop_by = time.monotonic() + self._drain

    def _stop(self) -> None:
        if self._stop_by is None:
            self._notifier.stopping()
            self._stop_by = time.monotonic() + self._drain
            if self._askers.open:
                self._poll.unregister(self._askers)
            self._askers.close()
            self._end_reload(["it is being stopped"])
            self._kill(signal.SIGTERM)

    # reload

    def _tend_reload(self) -> None:
        """One at a time: who asks while one is under way may have written something that it did not read."""
        if self._reload_by is not None:
            self._see_whether_reloaded(self._reload_by)
        if self._reload_by is None and self._reload_asked and self._stop_by is None:
            self._begin_reload()

    def _begin_reload(self) -> None:
        self._reload_asked = False
        self._answered = self._askers.leave()
        self._notifier.reloading()
        self._said = (False, "")
        problems = self._reload()
        self._kept_settings = bool(problems)
        if problems:
            self._end_reload(problems)
            return
        for hand in self._hands:
            hand.reloading, hand.kept = bool(hand.pid), ""
        self._kill(signal.SIGHUP)
        self._reload_by = time.monotonic() + _RELOAD_PATIENCE

    def _see_whether_reloaded(self, deadline: float) -> None:
        late = [hand for hand in self._hands if hand.reloading or not hand.ready]
        if late and time.monotonic() < deadline:
            return
        for hand in late:
            hand.reloading, hand.kept = False, "it has not gone over to the new settings in time"
        self._end_reload([f"worker {hand.number}: {hand.kept}" for hand in self._hands if hand.kept])

    def _end_reload(self, reasons: Sequence[str]) -> None:
        self._reload_by = None
        self._report()  # systemd must have heard that we are ready before ExecReload ends
        answer(self._answered, reasons)
        self._answered = []

    def _kill(self, number: signal.Signals) -> None:
        for hand in self._hands:
            if hand.pid:
                os.kill(hand.pid, number)

    # workers

    def _start_due(self) -> None:
        for hand in self._hands:
            if not hand.pid and self._stop_by is None and hand.due <= time.monotonic():
                self._start(hand)

    def _start(self, hand: _Hand) -> None:
        hand.line, line = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)  # the fork must not report our signals over our pipe
        parent = os.getpid()
        hand.pid = os.fork()
        if hand.pid == 0:
            self._become_worker(hand.number, line, parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.close(line)
        self._poll.register(hand.line, select.POLLIN)
        hand.started = hand.heard = time.monotonic()
        hand.lines, hand.ready, hand.reloading, hand.kept, hand.status = Lines(), False, False, "", ""
        hand.ending = False

    def _become_worker(self, number: int, line: int, parent: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for one in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
                signal.signal(one, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us all, and the parent decides
            end_with_parent(signal.SIGKILL)
            for descriptor in (self._signals, self._wake, *(hand.line for hand in self._hands if hand.line >= 0)):
                os.close(descriptor)
            for connection in self._answered:
                connection.close()
            self._askers.close()
            self._notifier.close()
            if os.getppid() == parent:  # otherwise it died before the line above
                signal.pthread_sigmask(signal.SIG_UNBLOCK, set(_HANDLED) - {signal.SIGHUP})  # which Worker opens for
                code = self._work(number, line, self._beat)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:  # nothing may return into the parent's code
            _log.critical("worker %d ends: %s", number, describe(error))
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _listen(self, descriptor: int) -> None:
        hand = next(hand for hand in self._hands if hand.line == descriptor)
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return
        if not data:
            self._poll.unregister(descriptor)  # it is about to end; waitpid tells
            return
        hand.heard = time.monotonic()
        for line in hand.lines.feed(data):
            word, _, text = (line or b"").decode(errors="replace").partition(" ")
            hand.ready = hand.ready or word == "ready"
            if word in ("reloaded", "kept"):
                hand.reloading, hand.kept = False, text
            if word == "status" or (word == "ready" and text):
                hand.status = text

    def _bury(self) -> None:
        for hand in self._hands:
            if not hand.pid:
                continue
            pid, status = os.waitpid(hand.pid, os.WNOHANG)
            if pid == 0:
                continue
            with contextlib.suppress(KeyError):
                self._poll.unregister(hand.line)
            os.close(hand.line)
            lived = time.monotonic() - hand.started
            if self._stop_by is None:
                hand.delay = _FIRST_DELAY if lived >= _STEADY else hand.delay
                code = os.waitstatus_to_exitcode(status)
                _log.error("worker %d ended (%d) after %.1f s; again in %.1f s", hand.number, code, lived, hand.delay)
            hand.pid, hand.line, hand.ready, hand.reloading = 0, -1, False, False
            hand.due = time.monotonic() + hand.delay
            hand.delay = min(hand.delay * 2, _LONGEST_DELAY)

    # what we say about it

    def _report(self) -> None:
        if self._stop_by is None:
            said = (all(hand.ready and not hand.reloading for hand in self._hands), self._words())
            if said != self._said:
                if said[0] and not self._said[0]:
                    self._notifier.ready(said[1])
                else:
                    self._notifier.status(said[1])
                self._said = said
        now = time.monotonic()
        if now >= self._feed_at:
            self._feed(now)
            self._feed_at = now + self._feed_every

    def _feed(self, now: float) -> None:
        """Feed the watchdog while anybody answers: who does not is ended alone, for the watchdog would end them all.

        One that waits for a disk cannot be ended before that answers; the others serve meanwhile.
        """
        silent = [hand for hand in self._hands if self._silent(hand)]
        if silent and len(silent) == sum(1 for hand in self._hands if hand.pid):
            return
        self._notifier.watchdog_fed()
        for hand in silent:
            if now - hand.heard > self._longest_silence and not hand.ending:
                hand.ending = True
                _log.error("worker %d has not answered for %.0f s and is killed", hand.number, now - hand.heard)
                os.kill(hand.pid, signal.SIGKILL)

    def _silent(self, hand: _Hand) -> bool:
        patience = self._patience if hand.ready else self._patience_at_start
        return bool(hand.pid) and time.monotonic() - hand.heard > patience

    def _words(self) -> str:
        words = [f"worker {hand.number} (pid {hand.pid}) does not answer" for hand in self._hands if self._silent(hand)]
        words += [f"worker {hand.number} is being restarted" for hand in self._hands if not hand.pid]
        if self._kept_settings:
            words.append("the settings in the files are wrong, the former ones stay")
        elif any(hand.kept for hand in self._hands):
            words.append("not all of the new settings are in force")
        starting = sum(1 for hand in self._hands if hand.pid and not hand.ready)
        if starting:
            words.append(f"{starting} worker(s) starting")
        if len(self._hands) == 1:
            words += [hand.status for hand in self._hands if hand.status]
        else:
            words += [f"worker {hand.number}: {hand.status}" for hand in self._hands if hand.status]
        return "; ".join(words) or f"{len(self._hands)} worker(s)"
