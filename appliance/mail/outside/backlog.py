"""How much waits in the spool to go outside, and whether more may: a bound of all together, as it is in nobody's quota.

May live here: that sum. May not: files and their content (``spool``), who is told what (``session``). Several workers
fill one spool and ``outbound`` empties it, so the folder is looked through again and again, in a thread; what this
worker adds counts at once. Others may let through what they take within a second.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
_LOOK: Final = 1.0


class Backlog:
    """The bytes in ``folder`` (the spool's), which may be ``most`` together; ``threads`` look through it.

    Everything but the looking belongs to one thread. ``clock`` gives seconds that only grow.
    """

    def __init__(self, folder: Path, most: int, threads: Executor, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._folder = folder / "new"
        self._threads = threads
        self._clock = clock
        self._found = _bytes_in(self._folder)
        self._looked = clock()
        self._looking: Future[int] | None = None
        self._coming, self._added, self._earlier = 0, 0, 0
        self._full = False

    def refuses(self, more: int) -> bool:
        """Whether there is no room for ``more`` bytes."""
        self._look()
        full = self._found + self._earlier + self._added + self._coming + more > self.most
        if full and not self._full:
            _log.error("%d bytes wait to go outside: no more is taken (mail.yaml outside.spool_max)", self._found)
        self._full = full
        return full

    def take(self, amount: int) -> None:
        """Note bytes that go there, or (below 0) do not after all."""
        self._coming += amount

    def placed(self, amount: int) -> None:
        """Note that of those bytes so many are there now, to be found by the next look."""
        self._coming -= amount
        self._added += amount

    def _look(self) -> None:
        """Take what was found, which has all that was there when the look began, and have it looked at again."""
        if self._looking is not None and self._looking.done():
            self._found, self._earlier = self._looking.result(), 0
            self._looking = None
        if self._looking is None and self._clock() - self._looked >= _LOOK:
            self._looked = self._clock()
            self._earlier, self._added = self._added, 0
            self._looking = self._threads.submit(_bytes_in, self._folder)


def _bytes_in(folder: Path) -> int:
    """Give the bytes of all files; what goes meanwhile does not count, and a folder that is not there has none."""
    found = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    found += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    except OSError:
        return found
    return found
