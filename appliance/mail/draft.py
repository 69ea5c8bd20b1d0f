"""A file of mail in the making: in memory, then on the disk without a name, until the store gives it one.

May live here: one file. May not: where it goes (``store``), who waits for it (``commits``), what stands in it. A file
without a name (``O_TMPFILE``; ext4, XFS, Btrfs and tmpfs have it) is gone after a crash or a power cut, so there is
never half a message, nor anything to clear away. All but :meth:`Draft.add` wait for the disk and belong into a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from appliance.daemon.space import Reserve

_PARTS = 1024  # that one call may write (IOV_MAX)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StoreFailed(Exception):
    """The disk did not take a message, which may be tried again; the cause is for the carer."""


class StoreFull(StoreFailed):
    """There is no room for it."""


class Mark(Protocol):
    """What proves of a message that it is ours: a first line, made of all that follows it."""

    @property
    def placeholder(self) -> bytes:
        """A line as long as the mark."""
        ...

    def update(self, data: bytes) -> None:
        """Take the next bytes behind the line."""
        ...

    def line(self) -> bytes:
        """Give the mark, now that all bytes are there."""
        ...


class Draft:
    """A file that begins with ``mark``, if there is one; it is written in the folder ``root``, used by one at a time.

    ``size``: bytes of it; ``waiting``: those that are in memory still. Nothing is written into the ``reserve``.
    """

    def __init__(self, root: str, reserve: Reserve, mark: Mark | None = None) -> None:
        self._root = root
        self._reserve = reserve
        self._mark = mark
        self._parts: list[bytes] = []
        self._placed: list[str] = []
        self._file = -1
        self.offset = self.size = 0 if mark is None else len(mark.placeholder)
        self.waiting = 0

    @property
    def begun(self) -> bool:
        """Whether some of it is on the disk already."""
        return self._file >= 0

    def add(self, data: bytes) -> None:
        """Add ``data``; it stays in memory until it is written. Never waits."""
        self._parts.append(data)
        self.size += len(data)
        self.waiting += len(data)

    def in_memory(self) -> bytes | None:
        """Give what it consists of but for its mark, unless some of it is on the disk already."""
        return None if self.begun else b"".join(self._parts)

    def add_all(self, other: Draft) -> None:
        """Add what ``other`` consists of, but for its mark. Raise :class:`StoreFailed`."""
        found = other.in_memory()
        if found is not None:
            self.add(found)
            return
        self.write()
        other.write()
        done = other.offset
        with reported():
            while done < other.size:
                more = other.size - done
                self._reserve.claim(more)
                copied = os.copy_file_range(other._file, self._file, more, done, self.size)
                if not copied:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                self.size += copied
                done += copied

    def write(self) -> int:
        """Write what is in memory, let it begin its way to the disk, and give the file. Raise :class:`StoreFailed`."""
        self._write(self._parts, self.size - self.waiting)
        self.start()
        return self._file

    def finish(self) -> None:
        """Write the rest and the mark; nothing can be added afterwards. Raise :class:`StoreFailed`."""
        mark, rest, offset = self._mark, self._parts, self.size - self.waiting
        self._mark = None
        if mark is None:
            self._write(rest, offset)
            return
        for part in rest:
            mark.update(part)
        if offset == self.offset:  # nothing but the mark is before it: one write does both
            self._write([mark.line(), *rest], 0)
        else:
            self._write(rest, offset)
            self._write([mark.line()], 0)

    def start(self) -> None:
        """Let what was written begin its way to the disk: a hint, upon which Linux begins and does not wait."""
        with reported():
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)

    def flush(self) -> None:
        """Wait until all that was written is on stable storage. Raise :class:`StoreFailed`."""
        with reported():
            os.fsync(self._file)

    def link(self, path: str) -> None:
        """Give it the name ``path``. Raise ``OSError``."""
        # Only with a src_dir_fd, of which an absolute path makes no use, the link in /proc is followed.
        os.link(f"/proc/self/fd/{self._file}", path, src_dir_fd=self._file, follow_symlinks=True)
        self._placed.append(path)

    def _write(self, parts: list[bytes], offset: int) -> None:
        self._parts, self.waiting = [], 0
        size = sum(map(len, parts))
        if self.begun and not size:
            return
        if self._mark is not None:
            for part in parts:
                self._mark.update(part)
        with reported():
            if self._file < 0:
                self._file = os.open(self._root, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
            self._reserve.claim(size)
            written = os.pwritev(self._file, parts[:_PARTS], offset)
            while written < size:  # there were more parts, or the disk took a part
                written += os.pwrite(self._file, memoryview(b"".join(parts))[written:], offset + written)

    def withdraw(self) -> None:
        """Take its names away again."""
        for path in self._placed:
            with contextlib.suppress(OSError):
                Path(path).unlink()

    def close(self) -> None:
        """Forget the draft; what has a name stays. May be called more than once."""
        self._parts, self.waiting = [], 0
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _Reported:
    """A context that costs a tenth of one made of a generator; each message passes ten."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            kind = StoreFull if error.errno in _FULL else StoreFailed
            raise kind(f"{os.strerror(error.errno or 0)} while storing a message") from error


_REPORTED = _Reported()


def reported() -> AbstractContextManager[None]:
    """Turn an error of the disk into one of ours, without the name of a file: that is a login."""
    return _REPORTED
