"""Homes on disk (K05, K23): each closed to everybody but its owner, who may be at work in it meanwhile.

May live here: mode and owner of a home. May not: how folders are made, moved and removed (``shelf``), what is in one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from appliance.privileged import acl
from appliance.privileged.shelf import Shelf

_MODE = 0o700


class Homes(Shelf):
    """The folder of homes at ``path``; calls must not overlap. Only root can give a home to somebody else."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(path, lambda found: found.st_uid, clock)

    def make(self, login: str, uid: int, gid: int) -> bool:
        """Make the home of ``login``, mode 0700, for ``uid`` and ``gid``; whether it was missing.

        One of ``login`` and ``uid`` that is there gets mode and group again; one of another id is put aside (a login
        given to a new person must not open the old one's files), and so is one of ``uid`` that has another login (nor
        must a number). Raises :class:`appliance.privileged.shelf.HomeError`, ``OSError`` from the disk.
        """
        if not self.root:
            uid, gid = os.geteuid(), os.getegid()
        return self.settle(login, uid, lambda home: _own(home, uid, gid))


def _own(home: int, uid: int, gid: int) -> None:
    found = os.fstat(home)
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.fchown(home, uid, gid)
    acl.forget(home)
    if stat.S_IMODE(os.fstat(home).st_mode) != _MODE:
        os.fchmod(home, _MODE)
