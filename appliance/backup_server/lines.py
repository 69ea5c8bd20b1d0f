"""The line of a file: read where it lives, or from what ``rsync --fake-super`` made of it over there.

May live here: looking at one file and hashing it. May not: walking, remembering, comparing. Both give the same line for
the same file; whoever compares, compares lines.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from appliance.backup_server import attributes
from appliance.backup_server.manifest import Entry

_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "s",
    stat.S_IFBLK: "b",
    stat.S_IFCHR: "c",
}
_STAT = re.compile(rb"([0-7]{1,7}) [0-9]{1,10},[0-9]{1,10} ([0-9]{1,10}):([0-9]{1,10})")
_CHUNK = 64 * 1024
UNSTEADY = "?"
"""The content of a file that was written to while it was read."""


def line_of_living(dir_fd: int, name: bytes, path: bytes) -> tuple[Entry, os.stat_result]:
    """Look at ``name`` in an open folder and give its entry with ``path``, and the ``stat`` that it had before.

    Symbolic links are not followed. Raises OSError; FileNotFoundError where it is gone.
    """
    found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    kind = _KINDS[stat.S_IFMT(found.st_mode)]
    content, size = "-", 0
    if kind == "f":
        content, size = _steady(dir_fd, name, found), found.st_size
    elif kind == "l":
        target = os.readlink(name, dir_fd=dir_fd)
        content, size = hashlib.sha256(target).hexdigest(), len(target)
    has = attributes.of_living(_inside(dir_fd, name))
    mode = stat.S_IMODE(found.st_mode)
    return (
        Entry(kind, mode, found.st_uid, found.st_gid, found.st_mtime_ns, size, content, has.digest(), path),
        found,
    )


def line_of_stored(dir_fd: int, name: bytes, path: bytes) -> Entry:
    """Give the entry, with ``path``, of what is stored as ``name`` in an open folder. Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=dir_fd)
    try:
        found = os.fstat(descriptor)
        mode, uid, gid = stored_owner(descriptor, found)
        kind = _KINDS.get(stat.S_IFMT(mode), "f")
        content, size = "-", 0
        if kind in "fl":
            content, size = hash_of(descriptor), found.st_size
        has = attributes.of_stored(descriptor, mode)
        return Entry(kind, stat.S_IMODE(mode), uid, gid, found.st_mtime_ns, size, content, has.digest(), path)
    finally:
        os.close(descriptor)


def stored_owner(descriptor: int, found: os.stat_result) -> tuple[int, int, int]:
    """``st_mode``, uid and gid that a stored file stands for; those of ``found`` where nothing is written down."""
    try:
        said = _STAT.fullmatch(os.getxattr(descriptor, "user.rsync.%stat"))
    except OSError:
        said = None
    if not said:
        return found.st_mode, found.st_uid, found.st_gid
    return int(said[1], 8), int(said[2]), int(said[3])


def hash_of(descriptor: int) -> str:
    """SHA-256 in hex of all that can be read from ``descriptor``."""
    found = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))  # one for all: new memory for each piece takes four times as long
    while size := os.readv(descriptor, [buffer]):
        found.update(buffer[:size])
    return found.hexdigest()


def hash_of_file(path: Path) -> str:
    """The same of a file of our own; raises OSError."""
    with path.open("rb") as file:
        return hash_of(file.fileno())


def _steady(dir_fd: int, name: bytes, before: os.stat_result) -> str:
    """The hash of a file's bytes, unless somebody wrote to it meanwhile, or put another in its place."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=dir_fd)
    try:
        content = hash_of(descriptor)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    same = all(
        getattr(before, key) == getattr(after, key)
        for key in ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
    )
    return content if same else UNSTEADY


def _inside(dir_fd: int, name: bytes) -> bytes:
    """A path for calls that take no folder's descriptor."""
    return b"/proc/self/fd/%d/%s" % (dir_fd, name)
