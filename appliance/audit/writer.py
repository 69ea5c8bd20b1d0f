"""Between sockets and disk: a bounded queue for one store, written in batches, that counts what it has to drop.

May live here: the queue and when it is tried again. May not: how a store writes. The loop never waits for the disk:
writing happens in the executor's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from appliance.audit.store import Store, StoreError
from appliance.policy.events import Event

_log = logging.getLogger(__name__)
_BATCH = 1000
_RETRY = 1.0


class Writer:
    """Hands events to ``store`` through ``executor``; at most ``limit`` wait. ``said`` is called on trouble."""

    def __init__(self, store: Store, executor: Executor, limit: int, said: Callable[[], None]) -> None:
        self.written = 0
        self.dropped = 0
        self.problem = ""
        self._store = store
        self._executor = executor
        self._limit = limit
        self._said = said
        self._queue: deque[Event] = deque()
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._ending = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @property
    def waiting(self) -> int:
        """How many events are not on the disk yet."""
        return len(self._queue)

    def put(self, event: Event) -> None:
        """Take ``event`` if the store wants it; dropped and counted when too many wait already."""
        if not self._store.wants(event):
            return
        if len(self._queue) >= self._limit:
            self.dropped += 1
            return
        self._queue.append(event)
        self._settled.clear()
        self._news.set()

    async def settle(self) -> None:
        """Wait until what was put here is on the disk, or the disk does not take it."""
        await self._settled.wait()

    async def stop(self) -> None:
        """Write what waits, once, and end; what the disk does not take then is counted as dropped."""
        self._ending.set()
        self._news.set()
        await self._task
        self.dropped += len(self._queue)
        if self._queue:
            _log.error("%d event(s) are lost: the disk did not take them before the end", len(self._queue))
        self._queue.clear()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                if not await self._write():
                    if self._ending.is_set():
                        return
                    await self._pause()
            if self._ending.is_set():
                return

    async def _write(self) -> bool:
        batch = [self._queue[place] for place in range(min(_BATCH, len(self._queue)))]
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._store.write, batch)
        except StoreError as error:
            if not self.problem:
                _log.error("events cannot be written and wait, up to %d: %s", self._limit, error)
            self.problem = str(error)
            self._settled.set()
            self._said()
            return False
        for _ in batch:
            self._queue.popleft()
        self.written += len(batch)
        if not self._queue:
            self._settled.set()
        if self.problem:
            _log.warning("events are written again; %d had to be dropped", self.dropped)
            self.problem = ""
            self._said()
        return True

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._ending.wait(), _RETRY)
        except TimeoutError:
            return
