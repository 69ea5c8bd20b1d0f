"""From what a transfer left in ``incoming`` to a snapshot: whole or not at all.

May live here: the order of the steps, and undoing them. May not: a unit's merging (``unit``), one file's adoption
(``adopt``), who may ask (``committer``). The steps: ``incoming`` is taken into ``work``, where only root may enter;
the snapshot grows as ``snapshots/.new``; it is brought to the disk; what was taken is put among the spent, and only
then the snapshot gets its name. So what is found in ``work/taken`` later shares nothing with a snapshot, and is given
back.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.backup_server import btrfs, disk, ready, store, tree
from appliance.backup_server.adopt import Adopter
from appliance.backup_server.base import Base, Lacking
from appliance.backup_server.clones import clone_units
from appliance.backup_server.given import Given
from appliance.backup_server.manifest import PARTS, ManifestError
from appliance.backup_server.merge import change
from appliance.backup_server.names import next_name
from appliance.backup_server.standing import standing
from appliance.backup_server.store import Place
from appliance.backup_server.thin import remove, thin, tidy
from appliance.backup_server.unit import merge_unit, missing_path

Say = Callable[[dict[str, Any]], None]
"""Takes a line of the answer."""

_FOR_A_TRANSFER = 20.0  # seconds that a transfer that just ended has to let go
_STEPS = 100


def commit(place: Place, say: Say, clock: Callable[[], datetime]) -> dict[str, Any]:
    """Make a snapshot of what is in ``incoming``; gives the ``result`` that the school's server is told.

    Raises :class:`ManifestError` for what it may not be, :class:`store.Busy`, OSError (ENOSPC among them); then nothing
    of it is to be seen, and ``incoming`` is as it was.
    """
    with place.locked(True, _FOR_A_TRANSFER), store.building(place.owner()[1]):
        recover(place)
        _take(place)
        last = place.state().get("commit", {})
        try:
            name, missing = _made(place, say, clock)
            added = max(0, last.get("free", 0) - disk.room(place.snapshots)[0])
        except BaseException as error:
            recover(place)
            with contextlib.suppress(OSError):
                place.remember("commit", {**last, "failed": _why(error)})
            raise
        removed = thin(place)
        told = {"snapshot": name, "missing": missing}
        place.remember("commit", {**told, "added": added, "free": disk.room(place.snapshots)[0]})
        return {**told, "removed": removed, **standing(place, clock())}


def _why(error: BaseException) -> str:
    """For whoever looks after this machine; no name of a file."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else "the disk fails"
    return str(error) if isinstance(error, ManifestError) else type(error).__name__


def clear_up(place: Place) -> None:
    """Remove what the commit was made of; the school has its answer already. Raises :class:`store.Busy`, OSError."""
    with place.locked(True):
        tidy(place)


def recover(place: Place, anew: bool = False) -> None:
    """Undo what a commit that was cut off has left; only with the lock held alone. Raises OSError.

    ``anew``: what was sent and not committed is removed, too.
    """
    tidy(place)
    if anew and place.incoming.is_dir():
        place.incoming.rename(place.work / "spent")
        remove(place.work, "spent")
    if (place.work / "taken").is_dir():
        _give_back(place)
    uid, _ = place.owner()
    if not place.incoming.is_dir():
        _fresh_incoming(place, uid)


def _take(place: Place) -> None:
    place.incoming.rename(place.work / "taken")
    _fresh_incoming(place, place.owner()[0])


def _fresh_incoming(place: Place, uid: int) -> None:
    place.incoming.mkdir(mode=0o700)
    if store.ROOT:
        os.chown(place.incoming, uid, place.owner()[1])


def _give_back(place: Place) -> None:
    """What was adopted becomes the user's again; what has several names could be a snapshot's, and is sent again."""
    uid, gid = place.owner()
    try:
        place.incoming.rmdir()
    except FileNotFoundError:
        pass
    except OSError:  # something was sent since, so this is too old
        remove(place.work, "taken")
        return
    held = os.open(place.work / "taken", tree.INTO)
    try:
        waiting = [b"."]
        while store.ROOT and waiting:
            path = waiting.pop()
            with tree.entered(held, path) as folder:
                waiting += _returned(folder, path, uid, gid) if folder is not None else ()
    finally:
        os.close(held)
    (place.work / "taken").rename(place.incoming)


def _returned(folder: int, path: bytes, uid: int, gid: int) -> list[bytes]:
    """Give back the files of an open folder; gives the paths of the folders in it."""
    inner = []
    for name in map(os.fsencode, tree.names(folder)):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            inner.append(path + b"/" + name)
        elif found.st_uid == 0 and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            held = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.fchmod(held, 0o600)
                os.fchown(held, uid, gid)
            finally:
                os.close(held)
        elif found.st_uid != uid:
            os.unlink(name, dir_fd=folder)
    return inner


def _made(place: Place, say: Say, clock: Callable[[], datetime]) -> tuple[str, int]:
    """Build the snapshot and give it its name: that, and how much of what was promised it lacks."""
    with contextlib.ExitStack() as stack:
        taken = os.open(place.work / "taken", tree.INTO)
        stack.callback(os.close, taken)
        names = place.names()
        given = Given.read(taken, place.school, names[-1] if names else None)
        base = Base.read(place.snapshots / given.index.base) if given.index.base else Base.none()
        uid, gid = place.owner()
        name = next_name(clock(), names)
        new = place.snapshots / store.NEW
        volume = store.ROOT and disk.is_btrfs(place.snapshots) and (base.path is None or btrfs.is_subvolume(base.path))
        begun = _begin(place, new, base, volume)
        target = os.open(new, tree.INTO)
        stack.callback(os.close, target)
        adopter = Adopter(uid, gid, anew=volume)
        lacking = _merged(given, base, target, adopter, begun, say)
        given.write(target, base, lacking)
        dump = given.dump(adopter, place)
        os.fchmod(target, store.FOLDER)
    disk.sync(place.snapshots)
    if volume:
        btrfs.set_read_only(new, True)
    (place.work / "taken").rename(place.work / "spent")
    if dump:
        dump.rename(place.dumps / f"{name}.age")
    new.rename(place.snapshots / name)
    disk.sync(place.snapshots)
    return name, sum(len(paths) for paths in lacking.values())


def _begin(place: Place, new: Path, base: Base, volume: bool) -> bool:
    """Begin a snapshot in ``new``; whether it has all units of the base already."""
    linked = base.path is not None and ready.path_of(place, base.path.name)
    if volume and base.path is None:
        btrfs.create(new)
    elif volume and base.path is not None:
        btrfs.snapshot(base.path, new)
    elif linked and linked.is_dir():
        linked.rename(new)
    else:
        linked = False
    ready.fresh(new)
    return volume or bool(linked)


def _merged(given: Given, base: Base, target: int, adopter: Adopter, begun: bool, say: Say) -> Lacking:
    """All units; a unit whose section is the base's, and lacks nothing, is not read."""
    lacking: Lacking = {}
    wanted = {given.unit(name, base): name for _, name in given.index.sections}
    if len(wanted) != len(given.index.sections):
        raise ManifestError("a unit with two sections")
    if any((part, ".") in wanted and sum(one == part for one, _ in wanted) > 1 for part in PARTS):
        raise ManifestError("a part that is a unit and has units")
    if begun:
        for gone in base.units.keys() - wanted.keys():
            _drop(target, *gone)
    elif base.path is not None:
        say({"progress": [0, len(wanted), "units"]})
        clone_units(base.path, target, sorted(base.units.keys() & wanted.keys()))
    for done, (unit, name) in enumerate(sorted(wanted.items())):
        if done * _STEPS // len(wanted) != (done - 1) * _STEPS // len(wanted):
            say({"progress": [done, len(wanted), "units"]})
        if base.holds(unit, name):
            continue
        held, absent = base.lines(unit)
        section = given.section(name, unit, base, target, held)
        missing = merge_unit(change(held, section.lines, absent), given.taken, target, unit, adopter, make=not held)
        if missing:
            lacking[name] = [entry.line() for entry in missing]
            for entry in missing:
                say(missing_path(unit, entry))
    return lacking


def _drop(target: int, part: str, unit: str) -> None:
    with tree.entered(target, part.encode()) as folder:
        if folder is not None:
            for name in tree.names(folder) if unit == "." else [unit]:
                tree.remove(folder, name)
