"""asyncio as a loop of the skeleton, and how a worker serves on it. To be imported in a worker only."""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from appliance.daemon.logs import describe
from appliance.daemon.loop import Cancel, Loop, Service
from appliance.daemon.worker import Done, Worker

_log = logging.getLogger(__name__)

S = TypeVar("S")


class AsyncioLoop:
    """A running asyncio loop as a :class:`~appliance.daemon.loop.Loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Cancel:
        """Run ``callback`` once, ``seconds`` from now; the result cancels it."""
        return self._loop.call_later(seconds, callback).cancel

    def wake(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` soon; for other threads and signal handlers. Nothing happens once the loop has ended."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)


def serve(
    worker: Worker[S],
    start: Callable[[Worker[S], Loop], Awaitable[Service[S]]],
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Run ``await start(worker, loop)``, say ready, serve until told to stop, then await the service's ``stop()``.

    ``new_loop`` makes another loop than asyncio's own, such as uvloop's.
    """
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(worker, start))
    return 0


async def _serve(worker: Worker[S], start: Callable[[Worker[S], Loop], Awaitable[Service[S]]]) -> None:
    running = asyncio.get_running_loop()
    running.set_exception_handler(_report)
    _wake_by_signals(running)
    loop = AsyncioLoop(running)
    stopping = asyncio.Event()
    service: Service[S] | None = None
    later: list[tuple[S, Done]] = []  # settings that came while the service was starting
    started = asyncio.ensure_future(start(worker, loop))

    def reload(settings: S, done: Done) -> None:
        if service is None:
            later.append((settings, done))
        else:
            _finish(service.reload(settings), done)

    worker.attach(loop, stop=stopping.set, reload=reload)
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((started, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not started.done():
        started.cancel()
        await asyncio.wait((started,))
        return
    service = started.result()
    for settings, done in later:
        try:
            reload(settings, done)
        except Exception as error:  # as Worker does: it goes on with the settings that it started with
            done(error)
    worker.ready()
    await stopped
    ended = service.stop()
    if inspect.isawaitable(ended):
        await ended


def _finish(result: object, done: Done) -> None:
    if not inspect.isawaitable(result):
        done(None)
        return

    def reloaded(task: asyncio.Future[Any]) -> None:
        _reloads.discard(task)
        done(asyncio.CancelledError() if task.cancelled() else task.exception())

    _reloads.add(task := asyncio.ensure_future(result))
    task.add_done_callback(reloaded)


_reloads: set[asyncio.Future[Any]] = set()


def _wake_by_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Let the arrival of a signal end the loop's waiting, even one that comes just before it begins to wait."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    loop.add_reader(reading, lambda: reading.recv(4096))
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    _log.error("a callback or task failed%s", f": {describe(error)}" if isinstance(error, BaseException) else "")
