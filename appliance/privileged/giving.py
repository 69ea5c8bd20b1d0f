"""What was put aside, given to those who go on with it, as one folder among theirs.

May live here: the order in which that is done, so that a cut at any point loses nothing. May not: who gets it (the
carer says so). Until the last step, a rename, it lies aside and is open to nobody; a second call goes on from there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, exists, opened
from appliance.privileged import acl
from appliance.privileged.mending import Mended, Owner, mend
from appliance.privileged.shelf import Former, HomeError

_MOST = 100


@dataclass(frozen=True, slots=True)
class Heir:
    """The folder ``name`` of ``number``, which gets it; for a home, its owner gets every file."""

    name: str
    number: int
    home: bool


def give(shelf: Path, former: Former, heir: Heir) -> tuple[str, Mended]:
    """Put ``former`` of ``shelf`` into the heir's folder; its name there, and what became the heir's.

    Raises :class:`appliance.privileged.shelf.HomeError` when one of both is not there, ``OSError`` from the disk.
    """
    root = os.geteuid() == 0
    uid, gid = (heir.number, heir.number) if root else (os.geteuid(), os.getegid())
    owner = Owner(gid, uid if heir.home else None)
    with opened(os.open(shelf, FOLDER)) as folder:
        try:
            with opened(os.open(heir.name, FOLDER, dir_fd=folder)) as there:
                found = os.fstat(there)
                if root and heir.number != (found.st_uid if heir.home else found.st_gid):
                    raise HomeError("the folder that should get it belongs to another id")
                with opened(os.open(former.hidden, FOLDER, dir_fd=folder)) as top:
                    mended = mend(top, owner)
                    name = next(name for name in _names(former) if not exists(name, there))
                    _open_up(top, owner)
                    os.rename(former.hidden, name, src_dir_fd=folder, dst_dir_fd=there)
                os.fsync(there)
        except FileNotFoundError:
            raise HomeError("the folder put aside, or the one that should get it, is not there") from None
        os.fsync(folder)
    return name, mended


def _names(former: Former) -> Iterator[str]:
    yield f"Former-{former.name}"
    for number in range(2, _MOST):
        yield f"Former-{former.name}-{number}"
    raise HomeError("there are too many former folders in it; rename or delete some")


def _open_up(top: int, owner: Owner) -> None:
    if os.geteuid() == 0:
        os.fchown(top, 0 if owner.uid is None else owner.uid, owner.gid)
    if owner.uid is None:
        acl.share(top)
    os.fchmod(top, stat.S_ISGID | 0o770 if owner.uid is None else 0o700)
