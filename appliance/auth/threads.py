"""A few threads for calls that block, with a short queue before them: whoever comes when it is full is told at once.

May live here: threads, the queue, the patience. May not: what is called in them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Busy(Exception):
    """The queue is full, or the call had no result in time. Temporary: the caller says TRY LATER."""


class Threads:
    """Runs blocking calls in ``threads`` threads; at most ``waiting`` more wait, each at most ``patience`` seconds.

    A call that nobody waits for any more is not begun; one that was begun ends by its own time-out.
    """

    def __init__(self, threads: int, waiting: int, patience: float) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="directory")
        self._most = threads + waiting
        self._patience = patience
        self._lock = threading.Lock()
        self._under_way = 0

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return what ``call`` returns or raise what it raises; raises :class:`Busy`."""
        with self._lock:
            if self._under_way >= self._most:
                raise Busy("too many calls wait for the directory")
            self._under_way += 1
        future = self._pool.submit(call)
        future.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise Busy("the directory did not answer in time") from error

    def close(self) -> None:
        """Begin no more calls; those under way go on to their end without being waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _future: object) -> None:
        with self._lock:
            self._under_way -= 1
