"""Subvolumes of btrfs: made, made from another one, read-only, removed. By the kernel's own calls, linux/btrfs.h.

May live here: those calls. May not: which folder is one for what reason.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_CREATE = 0x50009418  # BTRFS_IOC_SUBVOL_CREATE_V2
_SNAPSHOT = 0x50009417  # BTRFS_IOC_SNAP_CREATE_V2
_DESTROY = 0x5000943F  # BTRFS_IOC_SNAP_DESTROY_V2
_GET_FLAGS = 0x80089419
_SET_FLAGS = 0x4008941A
_READ_ONLY = 1 << 1
_ROOT_INODE = 256  # of every subvolume
_ARGUMENTS = struct.Struct("<qQQ32x4040s")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def is_subvolume(path: Path) -> bool:
    """Whether the folder ``path``, which lies on btrfs, is one; raises OSError."""
    return path.lstat().st_ino == _ROOT_INODE


def create(path: Path) -> None:
    """Make an empty one; raises OSError."""
    _call(path.parent, _CREATE, path.name, 0)


def snapshot(source: Path, path: Path) -> None:
    """Make one that has all that ``source`` has, and can be written to; raises OSError."""
    held = os.open(source, _FOLDER)
    try:
        _call(path.parent, _SNAPSHOT, path.name, held)
    finally:
        os.close(held)


def remove(path: Path) -> None:
    """Remove one with all that it has; raises OSError. It takes root."""
    _call(path.parent, _DESTROY, path.name, 0)


def set_read_only(path: Path, wanted: bool) -> None:
    """Let nobody write to it, or root again; raises OSError."""
    held = os.open(path, _FOLDER)
    try:
        flags = struct.unpack("<Q", fcntl.ioctl(held, _GET_FLAGS, bytes(8)))[0]
        flags = flags | _READ_ONLY if wanted else flags & ~_READ_ONLY
        fcntl.ioctl(held, _SET_FLAGS, struct.pack("<Q", flags))
    finally:
        os.close(held)


def _call(above: Path, request: int, name: str, source: int) -> None:
    held = os.open(above, _FOLDER)
    try:
        fcntl.ioctl(held, request, bytearray(_ARGUMENTS.pack(source, 0, 0, os.fsencode(name))))
    finally:
        os.close(held)
