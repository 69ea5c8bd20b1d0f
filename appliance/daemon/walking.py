"""Every folder of a tree, while its owners may be at work in it.

May live here: going from folder to folder by descriptor. May not: what is done there, following a symbolic link. One
folder is open at a time however deep the tree is, and each is entered once on the way down and once on the way up: by
``..``, which is believed only if it is the folder that we came from. So a tree costs what it has in folders, not their
number times their depth. What goes away or is swapped meanwhile is left out.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from appliance.daemon.descriptors import FOLDER

GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""What the kernel says of a name that is gone, or is something else meanwhile."""

DEEPEST: Final = (128, 1_024)
"""How many folders in each other, and how many bytes of path below the top, our own services let anybody make."""


@dataclass(slots=True)
class _Level:
    """A folder on the way, and the names of folders therein that are still to be entered."""

    name: str
    found: os.stat_result
    length: int
    waiting: list[str] = field(default_factory=list)


class Walk:
    """The folders below the open ``top``, itself first, on its file system; to be iterated once.

    It gives each folder's descriptor (closed by us) with ``None``, then with each entry that is no folder. While one is
    given, the other properties tell about it. Raises ``OSError`` for what cannot be read though it is there.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._here = -1
        self._levels: list[_Level] = []

    @property
    def found(self) -> os.stat_result:
        """What the system knew about the folder when it was entered."""
        return self._levels[-1].found

    @property
    def parts(self) -> tuple[str, ...]:
        """The folder's way from the top, ``()`` for the top itself; costs its depth."""
        return tuple(level.name for level in self._levels[1:])

    @property
    def depth(self) -> int:
        """How many folders lie above it, 0 for the top itself."""
        return len(self._levels) - 1

    @property
    def too_deep(self) -> bool:
        """Whether the folder lies deeper than our own services let anybody make one."""
        return self.depth > DEEPEST[0] or self._levels[-1].length > DEEPEST[1]

    def __iter__(self) -> Iterator[tuple[int, os.DirEntry[str] | None]]:
        self._here = os.dup(self._top)
        try:
            self._levels = [_Level("", os.fstat(self._here), 0)]
            while self._levels:
                yield self._here, None
                waiting = self._levels[-1].waiting
                with os.scandir(self._here) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.name)
                        else:
                            yield self._here, entry
                self._go_on()
        finally:
            os.close(self._here)

    def _go_on(self) -> None:
        """Enter the next folder, going up where there is none; at the end no level is left."""
        while self._levels:
            level = self._levels[-1]
            if not level.waiting:
                self._levels.pop()
                if self._levels:
                    self._go_up()
            elif self._enter(level.waiting.pop()):
                return

    def _enter(self, name: str) -> bool:
        inner = _opened(name, self._here)
        if inner is None:
            return False
        found = os.fstat(inner)
        if found.st_dev != self._levels[0].found.st_dev:
            os.close(inner)
            return False
        self._levels.append(_Level(name, found, self._levels[-1].length + len(os.fsencode(name)) + 1))
        self._be_in(inner)
        return True

    def _go_up(self) -> None:
        """Go to the last level; where it has been moved, to the last that is still to be found from the top."""
        above = _opened("..", self._here)
        if above is not None and os.path.samestat(os.fstat(above), self._levels[-1].found):
            self._be_in(above)
            return
        if above is not None:
            os.close(above)
        self._be_in(os.dup(self._top))
        for depth, level in enumerate(self._levels[1:], 1):
            inner = _opened(level.name, self._here)
            if inner is None or not os.path.samestat(os.fstat(inner), level.found):
                if inner is not None:
                    os.close(inner)
                del self._levels[depth:]
                return
            self._be_in(inner)

    def _be_in(self, folder: int) -> None:
        os.close(self._here)
        self._here = folder


def _opened(name: str, folder: int) -> int | None:
    """Open the folder ``name`` of ``folder``; ``None``: it is gone, or something else."""
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
