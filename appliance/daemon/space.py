"""The reserve of a disk: room that services leave free, so that what must go on being written never meets a full disk.

May live here: how much is left, asked of the kernel rarely. May not: who refuses what because of it.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ASKED_EVERY: Final = 1.0
"""Seconds that an answer of the kernel holds; what was written meanwhile by us is taken off."""
_FILES_LEFT = 100
"""Of all the files that a disk can hold one in so many is reserved too: a disk without is as full as any."""


class Reserve:
    """Keeps ``least`` bytes free on the disk of ``folder``; 0 keeps none. Any thread may ask.

    Threads that ask at once may both count little; the next answer of the kernel puts it right.
    """

    def __init__(self, folder: Path, least: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.least = least
        self._folder = folder
        self._clock = clock
        self._asked: float | None = None
        self._left: int | None = None

    def refuses(self, more: int = 0) -> bool:
        """Whether ``more`` bytes would go into the reserve, or it is in use already.

        A disk that gives no answer refuses nothing: writing to it will tell.
        """
        if not self.least:
            return False
        now = self._clock()
        if self._asked is None or not 0 <= now - self._asked < ASKED_EVERY:
            self._asked, self._left = now, _left(self._folder)
        return self._left is not None and self._left - more < self.least

    def claim(self, size: int) -> None:
        """Begin to write ``size`` bytes; raises ``ENOSPC``, as the disk would a little later, if they are refused."""
        if self.refuses(size):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._left is not None:
            self._left -= size


def _left(folder: Path) -> int | None:
    """Bytes that an ordinary user may still write there; none when hardly a file can be made any more."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    few = found.f_favail < found.f_files // _FILES_LEFT  # some file systems count none: 0 of 0
    return 0 if few else found.f_bavail * found.f_frsize
