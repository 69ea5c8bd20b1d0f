"""The index that acts now: another one in its place is opened and checked by a thread, and taken between two look-ups.

May live here: when to open, what to keep when a file cannot be used. May not: looking up, loops, who is told.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from appliance.filter.index import Index
from appliance.filter.layout import BrokenIndex

_Mark = tuple[int, int, int, int]
_NOWHERE: Final[_Mark] = (0, 0, 0, 0)


class Current:
    """The index at ``path``: of no names as long as there is none; the last good one while the file cannot be used.

    ``index`` is what to ask, ``problem`` why what is there now is not taken, or "". Both change in :meth:`look` only,
    so that whoever compares before and after sees each change.
    """

    def __init__(self, path: Path) -> None:
        self.index = Index.empty()
        self.problem = ""
        self._path = path
        self._mark = _NOWHERE
        self._opening: _Opening | None = None
        self._start()
        self.wait()

    def look(self) -> bool:
        """Take another index once it is there and checked; whether that is so now. A look costs one ``stat``."""
        opening = self._opening
        if opening is None:
            self._start()
            return False
        if opening.is_alive():
            return False
        self._opening = None
        self.problem = opening.problem
        if opening.index is None or opening.index.identity == self.index.identity:
            return False
        self.index = opening.index
        return True

    def wait(self) -> bool:
        """Take what is there, once it was opened; whether it is another one."""
        if self._opening is None:
            self._start()
        if self._opening is not None:
            self._opening.join()
        return self.look()

    def _start(self) -> None:
        mark = _mark(self._path)
        if mark not in (self._mark, _NOWHERE):
            self._mark = mark
            self._opening = _Opening(self._path)
            self._opening.start()


class _Opening(threading.Thread):
    def __init__(self, path: Path) -> None:
        super().__init__(name="index", daemon=True)
        self.index: Index | None = None
        self.problem = ""
        self._path = path

    def run(self) -> None:
        try:
            self.index = Index.open(self._path)
        except BrokenIndex as error:
            self.problem = f"the index of the lists is broken ({error.reason})"
        except OSError as error:
            self.problem = f"the index of the lists cannot be read ({error.strerror})"


def _mark(path: Path) -> _Mark:
    """Give what differs when another file is there."""
    try:
        status = path.stat()
    except OSError:
        return _NOWHERE
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
