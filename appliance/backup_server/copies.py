"""A file once more, in an inode of its own: where one may not be shared, or has as many names as the disk allows.

May live here: copying one file with its holes and attributes, and remembering what has a copy. May not: when one is
needed.
"""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path

from appliance.backup_server import store

_CLONE = 0x40049409  # FICLONE, linux/fs.h
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copies:
    """Made for the group ``gid``; what had several names has one copy with as many, as far as the disk allows."""

    gid: int
    _made: dict[int, Path] = field(default_factory=dict)  # by the inode that was copied

    def put(self, source: int, name: bytes | str, target: int) -> None:
        """Have the content and attributes of the open file ``source`` as ``name`` in ``target``; raises OSError."""
        found = os.fstat(source)
        if found.st_ino in self._made:
            try:
                os.link(self._made[found.st_ino], name, dst_dir_fd=target, follow_symlinks=False)
            except OSError as error:
                if error.errno != errno.EMLINK:
                    raise
            else:
                return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fresh = os.open(name, flags, 0o600, dir_fd=target)
        try:
            try:
                fcntl.ioctl(fresh, _CLONE, source)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY):
                    raise
                _copy(source, fresh)
            copy_attributes(source, fresh)
            if store.ROOT:
                os.fchown(fresh, 0, self.gid)
            os.fchmod(fresh, store.FILE)
            os.utime(fresh, ns=(found.st_mtime_ns, found.st_mtime_ns))
            if found.st_nlink > 1:
                self._made[found.st_ino] = Path(f"/proc/self/fd/{fresh}").readlink()
        finally:
            os.close(fresh)


def copy_attributes(source: int, target: int) -> None:
    """Give the open ``target`` the ``user.*`` attributes of ``source``, and no others; raises OSError."""
    wanted = {name for name in os.listxattr(source) if name.startswith("user.")}
    for name in set(os.listxattr(target)) - wanted:
        if name.startswith("user."):
            os.removexattr(target, name)
    for name in wanted:
        os.setxattr(target, name, os.getxattr(source, name))


def _copy(source: int, target: int) -> None:
    """Copy the bytes, and leave holes where there are holes."""
    size = os.fstat(source).st_size
    at = 0
    while at < size:
        try:
            begin = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break
        at = os.lseek(source, begin, os.SEEK_HOLE)
        while begin < at:
            data = os.pread(source, min(_CHUNK, at - begin), begin)
            if not data:
                break
            begin += os.pwrite(target, data, begin)
    os.ftruncate(target, size)
