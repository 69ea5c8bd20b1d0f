"""What the disk below a folder is: room, kind; and bringing it to stable storage.

May live here: questions to the kernel. May not: what is made of the answers.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_BTRFS = 0x9123683E
_LIBC = ctypes.CDLL(None, use_errno=True)


def room(path: Path) -> tuple[int, int]:
    """Bytes that are free to users here, and bytes in all; raises OSError."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def is_btrfs(path: Path) -> bool:
    """Whether ``path`` lies on btrfs; raises OSError."""
    buffer = (ctypes.c_long * 32)()
    if _LIBC.statfs(os.fsencode(path), ctypes.byref(buffer)) != 0:
        raise OSError(ctypes.get_errno(), "statfs")
    return buffer[0] & 0xFFFFFFFF == _BTRFS


def sync(path: Path) -> None:
    """Bring the file system of ``path`` to the disk; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _LIBC.syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "syncfs")
    finally:
        os.close(descriptor)
