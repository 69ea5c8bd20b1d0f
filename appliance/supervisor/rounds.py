"""Work that is done again and again in a thread, never twice at a time.

May live here: when it runs. May not: what it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

LOG = logging.getLogger(__name__)

R = TypeVar("R")


class Pool(ThreadPool):
    """Threads that do not keep the process alive: one that hangs in a system call must not hold up the end."""

    @staticmethod
    def threadFactory(*arguments: Any, **named: Any) -> Thread:
        """Make one."""
        return Thread(*arguments, daemon=True, **named)


class Round(Generic[R]):
    """Calls ``work()`` in ``pool``, then ``after(result)`` in the reactor's thread, then waits.

    ``after`` gives the seconds until the next run, ``None``: until :meth:`now`. Work that raises is reported and done
    again after ``retry`` seconds.
    """

    def __init__(
        self,
        reactor: Any,
        pool: ThreadPool,
        work: Callable[[], R],
        after: Callable[[R], float | None],
        retry: float = 5.0,
    ) -> None:
        self._reactor = reactor
        self._pool = pool
        self._work = work
        self._after = after
        self._retry = retry
        self._timer: Any = None
        self._running = False
        self._again = False
        self._stopped = False
        self._idle: list[Deferred] = []

    def now(self) -> Deferred:
        """Run at once, or once more when the present run has ended; fires when nothing runs any more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        idle: Deferred = Deferred()
        self._idle.append(idle)
        if self._running:
            self._again = True
        else:
            self._run()
        return idle

    def stop(self) -> Deferred:
        """Run no more; fires when the present run has ended."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if not self._running:
            return succeed(None)
        idle: Deferred = Deferred()
        self._idle.append(idle)
        return idle

    def _run(self) -> None:
        if self._stopped:
            self._rest()
            return
        self._running, self._again = True, False
        deferToThreadPool(self._reactor, self._pool, self._work).addCallback(self._after).addBoth(self._ended)

    def _ended(self, pause: Any) -> None:
        self._running = False
        if isinstance(pause, Failure):
            LOG.error("a round failed", exc_info=(pause.type, pause.value, pause.getTracebackObject()))
            pause = self._retry
        if self._again:
            self._run()
            return
        if pause is not None and not self._stopped:
            self._timer = self._reactor.callLater(pause, self._run)
        self._rest()

    def _rest(self) -> None:
        waiting, self._idle = self._idle, []
        for idle in waiting:
            idle.callback(None)


def stop_all(rounds: Iterable[Round[Any]], reactor: Any, within: float) -> Deferred:
    """Stop ``rounds``; fires after ``within`` seconds at the latest with whether all of their runs have ended.

    One that has not waits for somebody who is ending, too, and gives no answer any more.
    """
    ends = DeferredList([one.stop() for one in rounds], consumeErrors=True)
    return ends.addTimeout(within, reactor).addCallback(lambda found: all(ended for ended, _ in found))
