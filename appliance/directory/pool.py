"""A few kept connections for threads: taken, used by one, put back; what broke is thrown away.

May live here: keeping, waiting, renewing. May not: what is said over them (``link``). To be used after the last fork.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from appliance.directory.errors import DirectoryUnavailable
from appliance.directory.link import Link


class Pool:
    """At most ``size`` links made by ``make``, which may sign in; ``patience`` seconds for one to become free."""

    def __init__(self, make: Callable[[], Link], size: int, patience: float) -> None:
        self._make = make
        self._patience = patience
        self._free: list[Link] = []
        self._left = size
        self._turn = threading.Condition()
        self._closed = False
        self._opened = 0
        self._written = 0

    @property
    def opened(self) -> int:
        """How many links have been opened so far: while it stays the same, the same server has been there all along."""
        return self._opened

    @property
    def written(self) -> int:
        """How many operations that may have changed something have gone over the links that were given back."""
        return self._written

    @contextmanager
    def link(self) -> Iterator[Link]:
        """Lend a link; raises :class:`DirectoryUnavailable` when none can be had."""
        link = self._take()
        try:
            yield link
        except (DirectoryUnavailable, GeneratorExit, KeyboardInterrupt):
            self._put(link, keep=False)  # an answer may still come, and would be taken for the next one's
            raise
        except BaseException:
            self._put(link, keep=True)
            raise
        self._put(link, keep=True)

    def close(self) -> None:
        """Close what is free, and what comes back later."""
        with self._turn:
            self._closed = True
            free, self._free = self._free, []
        for link in free:
            link.close()

    def _take(self) -> Link:
        limit = time.monotonic() + self._patience
        with self._turn:
            while self._left == 0:
                if not self._turn.wait(limit - time.monotonic()):
                    raise DirectoryUnavailable("all connections to the directory are in use")
            self._left -= 1
            link = self._free.pop() if self._free else None
        if link is not None and not link.stale():
            return link
        if link is not None:
            link.close()
        try:
            made = self._make()
        except BaseException:
            self._give_turn()
            raise
        with self._turn:
            self._opened += 1
        return made

    def _put(self, link: Link, keep: bool) -> None:
        with self._turn:
            self._written, link.written = self._written + link.written, 0
            keep = keep and not self._closed
            if keep:
                self._free.append(link)
        if not keep:
            link.close()
        self._give_turn()

    def _give_turn(self) -> None:
        with self._turn:
            self._left += 1
            self._turn.notify()
