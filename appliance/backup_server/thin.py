"""Removing what has had its time, and what nobody knows. May live here: that. May not: the rule (``retention``)."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.backup_server import btrfs, disk, ready, store, tree
from appliance.backup_server.names import SNAPSHOT
from appliance.backup_server.retention import kept, kept_dumps
from appliance.backup_server.store import Place

_DOOMED = ".removing-"


def thin(place: Place) -> list[str]:
    """Remove the snapshots and dumps whose time is over; gives the snapshots' names. With the lock held alone."""
    keep = place.settings
    names = place.names()
    stay = kept(names, keep.days, keep.weeks, keep.months)
    over = [name for name in names if name not in stay]
    for name in over:
        (place.snapshots / name).rename(place.snapshots / f"{_DOOMED}{name}")
        remove(place.snapshots, f"{_DOOMED}{name}")
    dumps = place.dump_names()
    for name in set(dumps) - kept_dumps(dumps, place.names(), keep.dump_days):
        (place.dumps / f"{name}.age").unlink()
    return over


def tidy(place: Place) -> None:
    """Remove what was being built or removed when a process was ended; with the lock held alone. Raises OSError."""
    for path in list(place.snapshots.iterdir()):
        if not SNAPSHOT.fullmatch(path.name):
            remove(place.snapshots, path.name)
    spared = {"taken", *(ready.path_of(place, name).name for name in place.names()[-1:])}
    for path in list(place.work.iterdir()):
        if path.name not in spared:
            remove(place.work, path.name)
    for name in set(place.dump_names()) - set(place.names()):
        (place.dumps / f"{name}.age").unlink()


def remove(above: Path, name: str) -> None:
    """Remove what is called ``name``, a subvolume at once; raises OSError."""
    path = above / name
    if store.ROOT and disk.is_btrfs(above) and path.is_dir() and btrfs.is_subvolume(path):
        btrfs.remove(path)
        return
    held = os.open(above, tree.INTO)
    try:
        tree.remove(held, name)
    finally:
        os.close(held)
