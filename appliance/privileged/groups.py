"""Group folders on disk (K05): made for their members, who share what is in them equally.

May live here: the folder of a group itself. May not: what lies in it, a path below the folder of groups, or following a
symbolic link. Mode 2770 of root and the group: members read and write, others see nothing, and what is made in it
belongs to the group.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from appliance.privileged.folders import FOLDER, exists, make_whole, opened
from appliance.privileged.homes import HomeError

_MODE = 0o2770


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
        with opened(os.open(self._path, FOLDER)) as folder:
            if exists(name, folder):
                _check(name, folder, gid)
                return False
            make_whole(name, folder, lambda made: _own(made, gid))
            return True


def _check(name: str, folder: int, gid: int) -> None:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        raise HomeError("something that is no folder stands in the place of the group folder; remove it")
    if found.st_gid != gid:
        raise HomeError("the group folder exists and belongs to another id; remove the former group's folder first")
    with opened(os.open(name, FOLDER, dir_fd=folder)) as there:
        _own(there, gid)
        os.fsync(there)


def _own(made: int, gid: int) -> None:
    found = os.fstat(made)
    if (found.st_uid, found.st_gid) != (os.geteuid(), gid):
        os.fchown(made, os.geteuid(), gid)
    if stat.S_IMODE(os.fstat(made).st_mode) != _MODE:
        os.fchmod(made, _MODE)
