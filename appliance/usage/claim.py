"""A table that one process writes to, in a folder where each writer has one of its own.

May live here: finding, locking and making the file. May not: what its numbers mean (``delta``; mail's hours). A file
is locked while its writer lives; the next writer goes on with one that a dead process left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from appliance.usage.table import Shape, Table, write_empty

_MOST = 1_000
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def claim(folder: Path, suffix: str, shape: Shape, mode: int) -> int:
    """Open and lock the first ``NUMBER.suffix`` that nobody else writes to, making it if need be; its descriptor.

    The folder is made if it is missing; a file that is made gets ``mode`` and the folder's group. Raises ``OSError``.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=mode | (mode & 0o444) >> 2, parents=True)
    group = folder.stat().st_gid
    for number in range(_MOST):
        descriptor = os.open(folder / f"{number}.{suffix}", _OPEN, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _usable(descriptor, shape, group, mode):
                return descriptor
        except BlockingIOError:
            pass  # another process writes to it
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(f"more than {_MOST} processes write to {folder}")


def _usable(descriptor: int, shape: Shape, group: int, mode: int) -> bool:
    """Whether the locked file has ``shape``; one that is no table, as a kill may leave it, is made one."""
    try:
        table = Table(descriptor)
    except ValueError:
        os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, mode)
        write_empty(descriptor, shape)
        return True
    found = table.shape
    table.close()
    return found == shape
