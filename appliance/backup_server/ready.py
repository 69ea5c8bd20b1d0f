"""The newest snapshot's files, linked ahead for the next commit, most of whose time would go into that.

May live here: making that clone, and giving it up. May not: what becomes of it (``commit``). It is made when the school
has its answer already, in ``work``, and counts from the moment it has its name. On btrfs nothing is made: there a
snapshot costs nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.backup_server import btrfs, disk, store, tree
from appliance.backup_server.base import Base
from appliance.backup_server.clones import clone_units
from appliance.backup_server.manifest import PARTS
from appliance.backup_server.store import Place

_UNDER_WAY = "linking"


def path_of(place: Place, snapshot: str) -> Path:
    """Where the clone of ``snapshot`` is, if it is."""
    return place.work / f"ready-{snapshot}"


def prepare(place: Place) -> None:
    """Make it, if it is not there; raises :class:`store.Busy`, :class:`ManifestError`, OSError."""
    with place.locked(exclusive=False):
        names = place.names()
        if names and not (path_of(place, names[-1]).exists() or _is_volume(place.snapshots / names[-1])):
            _link(place, names[-1])


def drop(folder: Path) -> None:
    """Give up what there is in a school's ``folder``; raises ``OSError``."""
    for ready in (folder / "work").glob("ready-*"):
        held = os.open(ready.parent, tree.INTO)
        try:
            tree.remove(held, ready.name)
        finally:
            os.close(held)


def fresh(new: Path) -> None:
    """Make the empty folder of a snapshot in ``new``, which may be there; raises ``OSError``."""
    new.mkdir(mode=0o700, exist_ok=True)
    new.chmod(0o700)
    for part in (*PARTS, "sections"):
        (new / part).mkdir(mode=store.FOLDER, exist_ok=True)


def _link(place: Place, name: str) -> None:
    new = place.work / _UNDER_WAY
    with store.building(place.owner()[1]):
        try:
            base = Base.read(place.snapshots / name)
            fresh(new)
            target = os.open(new, tree.INTO)
            try:
                clone_units(place.snapshots / name, target, sorted(base.units))
            finally:
                os.close(target)
            new.rename(path_of(place, name))
        except BaseException:
            held = os.open(place.work, tree.INTO)
            try:
                tree.remove(held, _UNDER_WAY)
            finally:
                os.close(held)
            raise


def _is_volume(snapshot: Path) -> bool:
    return store.ROOT and disk.is_btrfs(snapshot) and btrfs.is_subvolume(snapshot)
