"""Twisted's reactor as a loop of the skeleton, and how a worker serves on it. To be imported in a worker only."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.logger import STDLibLogObserver, globalLogBeginner
from twisted.python.failure import Failure

from appliance.daemon.logs import describe
from appliance.daemon.loop import Cancel, Loop, Service
from appliance.daemon.worker import Done, Worker

_log = logging.getLogger(__name__)

S = TypeVar("S")


class TwistedLoop:
    """A reactor as a :class:`~appliance.daemon.loop.Loop`."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Cancel:
        """Run ``callback`` once, ``seconds`` from now; the result cancels it."""
        call = self._reactor.callLater(seconds, callback)
        return lambda: call.cancel() if call.active() else None

    def wake(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` soon; for other threads and signal handlers."""
        self._reactor.callFromThread(callback)


def serve(worker: Worker[S], start: Callable[[Worker[S], Loop], Any]) -> int:
    """Run ``start(worker, loop)`` (a service, a Deferred or a coroutine), say ready, serve until told to stop.

    Then the service's ``stop()`` is called and, if it gives a Deferred or a coroutine, waited for.
    """
    from twisted.internet import reactor

    globalLogBeginner.beginLoggingTo([STDLibLogObserver("twisted")], redirectStandardIO=False)
    serving = _Serving(worker, start, reactor)
    reactor.callWhenRunning(serving.begin)
    reactor.run()  # its own signal handlers give way to ours in begin(); SIGCHLD stays with it, for spawnProcess
    return serving.code


class _Serving:
    def __init__(self, worker: Worker[Any], start: Callable[[Worker[Any], Loop], Any], reactor: Any) -> None:
        self.code = 0
        self._worker = worker
        self._start = start
        self._reactor = reactor
        self._service: Service[Any] | None = None
        self._starting: Any = None
        self._ended = False
        self._later: list[tuple[Any, Done]] = []

    def begin(self) -> None:
        loop = TwistedLoop(self._reactor)
        self._worker.attach(loop, stop=self._stop, reload=self._reload)
        self._starting = _deferred(self._start, self._worker, loop)
        self._starting.addCallbacks(self._started, self._failed)

    def _started(self, service: Service[Any]) -> None:
        self._service = service
        for settings, done in self._later:
            self._reload(settings, done)
        self._worker.ready()

    def _stop(self) -> None:
        if self._service is None:
            self._starting.cancel()
            self._end(None)
        else:
            stopped = _deferred(self._service.stop)
            stopped.addErrback(_report, "the service did not stop well")
            stopped.addCallback(self._end)

    def _reload(self, settings: Any, done: Done) -> None:
        if self._service is None:
            self._later.append((settings, done))
        else:
            reloaded = _deferred(self._service.reload, settings)
            reloaded.addCallbacks(lambda _: done(None), lambda failure: done(failure.value))

    def _failed(self, failure: Failure) -> None:
        if not failure.check(defer.CancelledError):
            _report(failure, f"worker {self._worker.number} cannot start")
            self.code = 1
        self._end(None)

    def _end(self, _result: object) -> None:
        if not self._ended:
            self._ended = True
            self._reactor.stop()


def _deferred(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it; return a Deferred whatever came of it."""
    try:
        result = function(*arguments)
    except Exception as error:  # becomes the Deferred's failure
        return defer.fail(error)
    return defer.ensureDeferred(result) if inspect.iscoroutine(result) else defer.maybeDeferred(lambda: result)


def _report(failure: Failure, text: str) -> None:
    _log.error("%s: %s", text, describe(failure.value))
