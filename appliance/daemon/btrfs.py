"""Subvolumes and snapshots of btrfs, by the kernel's own requests (linux/btrfs.h): no program is started.

May live here: single steps relative to open folders. May not: what is kept, and for how long. Each raises ``OSError``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from enum import Enum
from typing import Final

_SUBVOL_CREATE: Final = 0x5000940E
_SNAP_DESTROY: Final = 0x5000940F
_SNAP_CREATE_V2: Final = 0x50009417
_SUBVOL_GETFLAGS: Final = 0x80089419
_SUBVOL_SETFLAGS: Final = 0x4008941A
_READ_ONLY: Final = 1 << 1
_ARGUMENT: Final = 4096
_NAME: Final = 255


class Volume(Enum):
    """What a folder is to btrfs."""

    SUBVOLUME = "subvolume"
    PLAIN = "plain"
    ELSEWHERE = "elsewhere"


def volume(folder: int) -> Volume:
    """Say whether the open ``folder`` is where a subvolume begins, a plain folder of one, or on another file system."""
    try:
        fcntl.ioctl(folder, _SUBVOL_GETFLAGS, bytearray(8))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return Volume.PLAIN
        if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS):
            return Volume.ELSEWHERE
        raise
    return Volume.SUBVOLUME


def make(name: str, folder: int) -> None:
    """Make the empty subvolume ``name`` in the open ``folder``."""
    fcntl.ioctl(folder, _SUBVOL_CREATE, bytearray(struct.pack("=q", 0) + _padded(name, 4088)))


def snapshot(source: int, name: str, folder: int) -> None:
    """Make ``name`` in the open ``folder``: what is in the open subvolume ``source`` now, read-only.

    Subvolumes within it are empty folders there. What was written until now is in it, and it is on the disk.
    """
    head = struct.pack("=qQQ4Q", source, 0, _READ_ONLY, 0, 0, 0, 0)
    fcntl.ioctl(folder, _SNAP_CREATE_V2, bytearray(head + _padded(name, 4040)))


def set_read_only(subvolume: int, wanted: bool) -> None:
    """Let nobody, or whom the modes let, write in the open ``subvolume``."""
    flags = bytearray(8)
    fcntl.ioctl(subvolume, _SUBVOL_GETFLAGS, flags)
    (now,) = struct.unpack("=Q", flags)
    fcntl.ioctl(subvolume, _SUBVOL_SETFLAGS, struct.pack("=Q", now | _READ_ONLY if wanted else now & ~_READ_ONLY))


def destroy(name: str, folder: int) -> bool:
    """Remove the subvolume ``name`` of the open ``folder`` at once; whether we may.

    That takes CAP_SYS_ADMIN or the mount option ``user_subvol_rm_allowed``; without, it has to be emptied first, and is
    removed like a folder then.
    """
    try:
        fcntl.ioctl(folder, _SNAP_DESTROY, bytearray(struct.pack("=q", 0) + _padded(name, 4088)))
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            return False
        raise
    return True


def _padded(name: str, size: int) -> bytes:
    raw = os.fsencode(name)
    if not raw or len(raw) > _NAME or b"/" in raw or b"\0" in raw:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return raw.ljust(size, b"\0")
