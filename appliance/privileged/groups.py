"""Group folders on disk (K05): for their members, who share what is in them equally.

May live here: mode, owner and ACL of a group folder. May not: how folders are made, moved and removed (``shelf``), what
lies in one (``mending``). Mode 2770 of root and the group: members read and write, others see nothing, and what is made
in it belongs to the group, whatever umask its maker has.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from appliance.privileged import acl
from appliance.privileged.shelf import Shelf

_MODE = 0o2770


class Groups(Shelf):
    """The folder of group folders at ``path``; calls must not overlap. Only root can give a folder to a group."""

    follows = True

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(path, lambda found: found.st_gid, clock)

    def make(self, name: str, gid: int, was: str | None = None) -> bool:
        """Make the folder of the group ``name``, mode 2770, for ``gid``; whether it was missing.

        One of ``gid`` that is there gets name, mode and ACL again, also one put aside a moment ago as that of the group
        ``was``; one of another id is put aside (a name given to a new group must not open the old one's files). Raises
        :class:`appliance.privileged.shelf.HomeError`, ``OSError`` from the disk.
        """
        if not self.root:
            gid = os.getegid()
        return self.settle(name, gid, lambda made: _own(made, gid), was)


def _own(made: int, gid: int) -> None:
    found = os.fstat(made)
    if (found.st_uid, found.st_gid) != (os.geteuid(), gid):
        os.fchown(made, os.geteuid(), gid)
    acl.share(made)
    if stat.S_IMODE(os.fstat(made).st_mode) != _MODE:
        os.fchmod(made, _MODE)
