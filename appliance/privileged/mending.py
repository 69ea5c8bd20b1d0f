"""What lies in a tree given to its group, or its person: what was renamed into it kept the group that it had before.

May live here: owners, modes and ACLs of what is in a tree. May not: the tree's own top (``groups``, ``homes``), how it
is walked (``daemon.walking``). What has a second name is left as it is: that may lie in another tree, whose it is then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.daemon.descriptors import opened
from appliance.daemon.walking import GONE, Walk
from appliance.privileged import acl

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SHARED_FOLDER = 0o2770
_READ_AND_WRITE, _MAY_STAY = 0o660, 0o770


@dataclass(frozen=True, slots=True)
class Owner:
    """To whom what is in a tree belongs: all to ``gid``, and to ``uid``; ``None``: files stay their owners'."""

    gid: int
    uid: int | None = None


@dataclass(slots=True)
class Mended:
    """How many files and folders were put right, and how many files could not be, for they have a second name."""

    changed: int = 0
    left: int = 0


def mend(top: int, owner: Owner) -> Mended:
    """Put right what is below the open folder ``top``, on its file system; what goes away meanwhile is left out.

    In a group's tree folders are 2770 with the default ACL and files at least 660, none with anything for others; in a
    person's only the owner is changed. Raises ``OSError``.
    """
    mended = Mended()
    here = os.fstat(top)
    for folder, entry in Walk(top):
        with _unless_gone(mended):
            if entry is not None:
                _file(entry, folder, owner, mended)
            elif not os.path.samestat(os.fstat(folder), here):
                mended.changed += _folder(folder, owner)
    return mended


def _folder(folder: int, owner: Owner) -> bool:
    found = os.fstat(folder)
    uid, gid = _whose(found, owner)
    shared = owner.uid is None
    if shared:
        way = f"/proc/self/fd/{folder}/."
        if (found.st_gid, stat.S_IMODE(found.st_mode)) == (gid, _SHARED_FOLDER) and acl.is_shared(way):
            return not acl.is_plain(way) and _share(folder)
    elif (found.st_uid, found.st_gid) == (uid, gid):
        return False
    os.fchown(folder, uid, gid)
    return _share(folder) if shared else True


def _share(folder: int) -> bool:
    acl.share(folder)
    os.fchmod(folder, _SHARED_FOLDER)
    return True


def _file(entry: os.DirEntry[str], folder: int, owner: Owner, mended: Mended) -> None:
    if not entry.is_file(follow_symlinks=False):
        return
    if _is_right(entry.stat(follow_symlinks=False), owner) and acl.is_plain(f"/proc/self/fd/{folder}/{entry.name}"):
        return
    with opened(os.open(entry.name, _FILE, dir_fd=folder)) as file:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return
        if found.st_nlink != 1:
            mended.left += 1
            return
        os.fchown(file, *_whose(found, owner))
        acl.make_plain(file)
        if owner.uid is None:
            os.fchmod(file, found.st_mode & _MAY_STAY | _READ_AND_WRITE)
        mended.changed += 1


def _is_right(found: os.stat_result, owner: Owner) -> bool:
    mode = stat.S_IMODE(found.st_mode)
    fits = mode & ~_MAY_STAY == 0 and mode & _READ_AND_WRITE == _READ_AND_WRITE
    return (fits or owner.uid is not None) and (found.st_uid, found.st_gid) == _whose(found, owner)


def _whose(found: os.stat_result, owner: Owner) -> tuple[int, int]:
    return found.st_uid if owner.uid is None else owner.uid, owner.gid


@contextlib.contextmanager
def _unless_gone(mended: Mended) -> Iterator[None]:
    """Go on where somebody has taken away or swapped what we were at, and count what even root may not change."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPERM:
            mended.left += 1
        elif error.errno not in GONE:
            raise
