"""Bytes moved inside the kernel (splice(2)): from one socket through a pipe into another, never through this process.

May live here: pipes, who may have one, moving. May not: counting against limits, when it is worth it (``relay``).
A pipe of 1 MiB is taken by a direction that is busy and given back when it is empty: few are made, whatever is open.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass
from typing import Final

_SIZE: Final = 1 << 20
_MOST: Final = 48
"""Pipes at once; Linux gives one user 64 MiB of them without a word of root's (pipe(7))."""


@dataclass(slots=True)
class Pipe:
    """A pipe of ``size`` bytes, in which ``held`` bytes wait."""

    entry: int
    exit: int
    size: int
    held: int = 0

    def fill(self, source: int, most: int) -> int | None:
        """Take in what ``source`` has: how many bytes, 0 at its end, ``None`` for nothing now; raises ``OSError``."""
        try:
            moved = os.splice(source, self.entry, most, flags=_FLAGS)
        except BlockingIOError:
            return None
        self.held += moved
        return moved

    def empty(self, sink: int) -> int:
        """Send what waits to ``sink``: how many bytes it took; raises ``OSError`` when it is broken."""
        try:
            moved = os.splice(self.exit, sink, self.held, flags=_FLAGS)
        except BlockingIOError:
            return 0
        self.held -= moved
        return moved


class Pipes:
    """The pipes of one worker."""

    def __init__(self, most: int = _MOST) -> None:
        self._free: list[Pipe] = []
        self._most = most
        self._made = 0

    def take(self) -> Pipe | None:
        """Give an empty pipe, ``None`` when there is none: then bytes go the other way."""
        if self._free:
            return self._free.pop()
        if self._made >= self._most:
            return None
        try:
            pipe = _make()
        except OSError:  # no descriptors left
            return None
        self._made += 1
        return pipe

    def give(self, pipe: Pipe) -> None:
        """Take ``pipe`` back; one in which something is left is not used again."""
        if pipe.held == 0:
            self._free.append(pipe)
        else:
            self._made -= 1
            _close(pipe)

    def close(self) -> None:
        """Close all that are not in use."""
        while self._free:
            self._made -= 1
            _close(self._free.pop())


_FLAGS: Final = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE


def _make() -> Pipe:
    exit_, entry = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # the share of this user is used up: it stays as small as it is
        fcntl.fcntl(entry, fcntl.F_SETPIPE_SZ, _SIZE)
    return Pipe(entry, exit_, fcntl.fcntl(entry, fcntl.F_GETPIPE_SZ))


def _close(pipe: Pipe) -> None:
    os.close(pipe.entry)
    os.close(pipe.exit)
