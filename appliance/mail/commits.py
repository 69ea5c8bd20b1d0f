"""Messages that wait for stable storage at the same moment share their flushes.

May live here: who waits for which batch. May not: files (``store``), messages (``intake``). While four batches are on
their way to the disk those that come gather for the next one, so a batch is as large as the disk is slow; with one
alone the disk, and whoever came just too late, would wait. They run in threads of their own: the writers of large
messages, however many, never keep small ones from theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

from appliance.mail.draft import StoreFailed
from appliance.mail.store import Parcel, Store

AT_ONCE = 4
"""Batches that are on their way at a time."""
_MOST = 200


class Commits:
    """Places messages into ``store`` by ``flushes``, which nothing else uses; ``threads`` flush what is large."""

    def __init__(self, store: Store, flushes: Executor, threads: Executor) -> None:
        self._store = store
        self._flushes = flushes
        self._threads = threads
        self._waiting: list[tuple[Sequence[Parcel], asyncio.Future[None]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def commit(self, parcels: Sequence[Parcel]) -> None:
        """Return when a message is in all its places for good. Raise ``StoreFailed``: then it is in none.

        Not to be cancelled. A message of which a part is on the disk already is large: it is flushed before.
        """
        loop = asyncio.get_running_loop()
        if any(parcel.draft.begun for parcel in parcels):
            await loop.run_in_executor(self._threads, _settle, parcels)
        done = loop.create_future()
        self._waiting.append((parcels, done))
        if len(self._running) < AT_ONCE:
            task = asyncio.ensure_future(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                failed = await loop.run_in_executor(self._flushes, self._store.place_all, [each for each, _ in batch])
            except Exception as error:  # a defect: each sender is told, and the next batch is tried all the same
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), problem in zip(batch, failed, strict=True):
                if done.done():
                    continue
                if problem is None:
                    done.set_result(None)
                else:
                    done.set_exception(problem)


def _settle(parcels: Sequence[Parcel]) -> None:
    try:
        for parcel in parcels:
            parcel.draft.finish()
            parcel.draft.flush()
    except StoreFailed:
        for parcel in parcels:
            parcel.draft.close()
        raise
