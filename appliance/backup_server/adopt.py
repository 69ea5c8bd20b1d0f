"""How a file that a transfer wrote becomes a snapshot's, so that no transfer can ever write to it again.

May live here: one file, one folder's attributes. May not: which of them. The file is given to root with mode 0440
first, so nobody can open it for writing any more; then the kernel is asked whether somebody still has it open so (a
read lease is refused then, fcntl(2)). If so, and on btrfs, where nothing is linked between subvolumes, its content goes
into a new inode. All is done on a descriptor: a process may still be in the folder that it came from, and change it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from dataclasses import dataclass, field

from appliance.backup_server import store
from appliance.backup_server.attributes import STORED_NAMES
from appliance.backup_server.copies import Copies, copy_attributes
from appliance.backup_server.lines import UNSTEADY
from appliance.backup_server.manifest import Entry

_STAT = "user.rsync.%stat"
_KINDS = {
    "f": stat.S_IFREG,
    "d": stat.S_IFDIR,
    "l": stat.S_IFLNK,
    "p": stat.S_IFIFO,
    "s": stat.S_IFSOCK,
    "b": stat.S_IFBLK,
    "c": stat.S_IFCHR,
}
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOOKED_FOR = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG})


@dataclass(frozen=True, slots=True)
class Adopter:
    """Takes in files of the user ``uid`` for the group ``gid``; ``anew``: always into a new inode. For one commit."""

    uid: int
    gid: int
    anew: bool
    _linked: set[int] = field(default_factory=set)  # inodes of several names that were taken in before
    _copies: Copies = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is copied yet."""
        object.__setattr__(self, "_copies", Copies(self.gid))

    def file(self, source: int, name: bytes, target: int, entry: Entry) -> bool:
        """Put ``name`` of the open folder ``source`` into ``target``; whether it is what ``entry`` says.

        It is not where there is none, or no plain file of the user's, or its size or time is another one (the content
        is not read). Raises OSError.
        """
        try:
            descriptor = os.open(name, _READ, dir_fd=source)
        except OSError as error:
            if error.errno in _LOOKED_FOR:
                return False
            raise
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or not (found.st_uid == self.uid or found.st_ino in self._linked):
                return False
            return self._adopted(descriptor, found, name, target, entry)
        finally:
            os.close(descriptor)

    def _adopted(self, descriptor: int, found: os.stat_result, name: bytes, target: int, entry: Entry) -> bool:
        if found.st_nlink > 1:
            self._linked.add(found.st_ino)
        if store.ROOT:
            os.fchown(descriptor, 0, self.gid)
            os.fchmod(descriptor, store.FILE)
            _clean(descriptor, entry)
        else:
            os.fchmod(descriptor, 0o600)  # an attribute needs that of whoever is not root
            _clean(descriptor, entry)
            os.fchmod(descriptor, store.FILE)
        if self.anew or not _nobody_writes(descriptor):
            self._copies.put(descriptor, name, target)
        else:
            try:
                os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=target, follow_symlinks=True)
            except FileNotFoundError:  # its last name went meanwhile
                return False
            except OSError as error:
                if error.errno != errno.EMLINK:
                    raise
                self._copies.put(descriptor, name, target)
        after = os.fstat(descriptor)
        steady = entry.content == UNSTEADY
        sized = entry.kind not in "fl" or after.st_size == entry.size
        return steady or (sized and after.st_mtime_ns == entry.mtime_ns)


def folder(source: int | None, target: int, entry: Entry) -> bool:
    """Give the open folder ``target`` the attributes of ``source`` and ``entry``'s owner; whether there was one."""
    if source is not None:
        copy_attributes(source, target)
    else:
        for name in os.listxattr(target):
            if name.startswith("user."):
                os.removexattr(target, name)
    _clean(target, entry)
    return source is not None


def _clean(descriptor: int, entry: Entry) -> None:
    """Write down whose it is where rsync saw no need, and take away what no transfer of ours would have brought."""
    names = os.listxattr(descriptor)
    for name in names:
        foreign = name.startswith("user.rsync.") and name not in STORED_NAMES
        if foreign or name.startswith("system.posix_acl_"):
            os.removexattr(descriptor, name)
    if _STAT not in names:
        said = f"{_KINDS[entry.kind] | entry.mode:o} 0,0 {entry.uid}:{entry.gid}"
        os.setxattr(descriptor, _STAT, said.encode())


def _nobody_writes(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    return True
