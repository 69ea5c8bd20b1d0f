"""Group folders on disk (K05): made for their members, who share what is in them equally.

May live here: the folder of a group itself. May not: what lies in it, a path below the folder of groups, or following a
symbolic link. Mode 2770 of root and the group: members read and write, others see nothing, and what is made in it
belongs to the group.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from appliance.privileged.homes import HomeError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o2770
_MAKING = ".making-"


class Groups:
    """The folder of group folders at ``path``; calls must not overlap. Only root can give a folder to a group."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = os.geteuid() == 0

    def make(self, name: str, gid: int) -> bool:
        """Make the folder of the group ``name``, mode 2770, for ``gid``; whether it was missing.

        One that exists gets its mode again. Raises :class:`HomeError` if it belongs to another id (a name given to a
        new group must not open the old one's files), ``OSError`` from the disk.
        """
        if not self._root:
            gid = os.getegid()
        folder = os.open(self._path, _FOLDER)
        try:
            if _exists(name, folder):
                _check(name, folder, gid)
                return False
            draft = f"{_MAKING}{secrets.token_hex(8)}"
            os.mkdir(draft, 0o700, dir_fd=folder)
            try:
                _own(draft, folder, gid)
                os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with contextlib.suppress(OSError):
                    os.rmdir(draft, dir_fd=folder)
                raise
            os.fsync(folder)
            return True
        finally:
            os.close(folder)


def _check(name: str, folder: int, gid: int) -> None:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        raise HomeError("something that is no folder stands in the place of the group folder; remove it")
    if found.st_gid != gid:
        raise HomeError("the group folder exists and belongs to another id; remove the former group's folder first")
    _own(name, folder, gid)


def _own(name: str, folder: int, gid: int) -> None:
    opened = os.open(name, _FOLDER, dir_fd=folder)
    try:
        found = os.fstat(opened)
        if (found.st_uid, found.st_gid) != (os.geteuid(), gid):
            os.fchown(opened, os.geteuid(), gid)
        if stat.S_IMODE(os.fstat(opened).st_mode) != _MODE:
            os.fchmod(opened, _MODE)
        os.fsync(opened)
    finally:
        os.close(opened)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
