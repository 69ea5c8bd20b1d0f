"""One process of Samba that serves a PC: how large a file it may make, how much it wrote, and its end (proc(5)).

May live here: that process, and no other. May not: who sits there, and what he may. smbd ignores SIGXFSZ: past the
limit it says that the disk is full (RLIMIT_FSIZE, setrlimit(2)).
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

_STARTED = 19  # after the name: field 22 of stat, in ticks since the boot
_DELETED = " (deleted)"
_WRITTEN = re.compile(rb"^wchar: (\d+)$", re.MULTILINE)


class NoSmbd(LookupError):
    """The number is not that of a running smbd."""


class Smbd:
    """The smbd ``pid``, held by a descriptor: a number used again is somebody else. Raises :class:`NoSmbd`.

    ``limit`` is what :meth:`confine` was told last, ``None``: nothing yet.
    """

    def __init__(self, pid: int, started: int | None = None, limit: int | None = None) -> None:
        self.pid = pid
        self.limit = limit
        try:
            self.descriptor = os.pidfd_open(pid)
        except (OSError, OverflowError) as error:
            raise NoSmbd(f"there is no process {pid}") from error
        try:
            line = Path(f"/proc/{pid}/stat").read_text()
            name, _, rest = line.partition("(")[2].rpartition(")")
            self.started = int(rest.split()[_STARTED])
            if not name.startswith("smbd") or started not in (None, self.started) or self.ended:
                raise NoSmbd(f"process {pid} is not that smbd")
        except BaseException as error:
            os.close(self.descriptor)
            if isinstance(error, OSError | ValueError | IndexError):
                raise NoSmbd(f"there is no process {pid}") from error
            raise

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def confine(self, size: int) -> None:
        """Let no file grow beyond ``size`` bytes. Raises ``OSError``; ``PermissionError``: as it was before."""
        if size == self.limit or self.ended:
            return
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        self.limit = size

    def written(self) -> int | None:
        """Give how many bytes it has written to files in its life; ``None``: it is gone. Sockets do not count."""
        try:
            found = _WRITTEN.search(Path(f"/proc/{self.pid}/io").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if found is None or self.ended else int(found[1])

    def largest_open(self, below: Path) -> int:
        """Give the size in bytes of the largest file below the folder ``below`` that it has open for writing, or 0."""
        sizes = (seen.st_size for _, seen, writes in _open_below(self.pid, below) if writes)
        largest = max(sizes, default=0)
        return 0 if self.ended else largest

    def deleted(self, below: Path) -> dict[tuple[int, int], tuple[int, int]]:
        """Give owner and size in bytes, by device and inode, of its open files below ``below`` that have no name left.

        Another service has deleted them; they take up the disk until they are closed, and may even grow.
        """
        return {
            (seen.st_dev, seen.st_ino): (seen.st_uid, seen.st_size)
            for path, seen, _ in _open_below(self.pid, below)
            if path.endswith(_DELETED) and seen.st_nlink == 0 and stat.S_ISREG(seen.st_mode)
        }

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, or with SIGKILL end it."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, number)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


def _open_below(pid: int, below: Path) -> Iterator[tuple[str, os.stat_result, bool]]:
    """Give path and status of each thing below ``below`` that ``pid`` has open, and whether for writing (proc(5))."""
    with contextlib.suppress(OSError):  # it is gone
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                link = Path(entry.path)
                path = str(link.readlink())
                if path.startswith(f"{below}/"):
                    yield path, entry.stat(), bool(link.lstat().st_mode & 0o200)
