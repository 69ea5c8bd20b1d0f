"""The reserve of a disk: room that services leave free, so that what must go on being written never meets a full disk.

May live here: how much is left. May not: who refuses what because of it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_FILES_LEFT = 100
"""Of all the files that a disk can hold one in so many is reserved too: a disk without is as full as any."""


class Reserve:
    """Keeps ``least`` bytes free on the disk of ``folder``; 0 keeps none. Any thread may ask.

    The kernel is asked each time (statvfs takes 2 us), so a disk that others fill is noticed by the next byte.
    """

    def __init__(self, folder: Path, least: int) -> None:
        self.least = least
        self._folder = folder

    def refuses(self, more: int = 0) -> bool:
        """Whether ``more`` bytes would go into the reserve, or it is in use already.

        A disk that gives no answer refuses nothing: writing to it will tell.
        """
        left = _left(self._folder) if self.least else None
        return left is not None and left - more < self.least

    def claim(self, size: int) -> None:
        """Begin to write ``size`` bytes; raises ``ENOSPC``, as the disk would a little later, if they are refused."""
        if self.refuses(size):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _left(folder: Path) -> int | None:
    """Bytes that an ordinary user may still write there; none when hardly a file can be made any more."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    few = found.f_favail < found.f_files // _FILES_LEFT  # some file systems count none: 0 of 0
    return 0 if few else found.f_bavail * found.f_frsize
