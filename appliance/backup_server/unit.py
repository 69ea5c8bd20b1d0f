"""One unit of a snapshot: the base's, and what the new section says otherwise.

May live here: doing the steps that ``merge`` found. May not: finding them, adopting one file (``adopt``).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from appliance.backup_server import adopt, store, tree
from appliance.backup_server.adopt import Adopter
from appliance.backup_server.base import Unit
from appliance.backup_server.manifest import Entry
from appliance.backup_server.merge import Change, above


def merge_unit(steps: Change, taken: int, target: int, unit: Unit, adopter: Adopter, *, make: bool) -> list[Entry]:
    """Make ``unit`` in the open snapshot ``target``, with what was ``taken``; gives what is not as the section says.

    What the base has of it is there already; ``make``: it has nothing of it. Raises OSError.
    """
    with _folder(target, unit, make=make) as new, tree.entered(taken, _path(unit)) as source:
        return _done(steps, source, new, adopter)


def missing_path(unit: Unit, entry: Entry) -> dict[str, Any]:
    """How the school's server is told of it; bytes that are no UTF-8 are surrogates."""
    return {"missing_path": os.fsdecode(entry.path), "part": unit[0], "unit": unit[1]}


@contextlib.contextmanager
def _folder(target: int, unit: Unit, *, make: bool) -> Iterator[int]:
    path = _path(unit)
    if make and unit[1] != ".":
        os.mkdir(path, store.FOLDER, dir_fd=target)
    new = os.open(path, tree.INTO, dir_fd=target)
    try:
        yield new
    finally:
        os.close(new)


def _path(unit: Unit) -> bytes:
    return os.fsencode("/".join(unit))


def _done(steps: Change, source: int | None, new: int, adopter: Adopter) -> list[Entry]:
    lacking = []
    for path, is_folder in steps.removed:
        with contextlib.suppress(FileNotFoundError):
            (os.rmdir if is_folder else os.unlink)(path, dir_fd=new)
    for entry in steps.folders:
        if entry.path != b".":
            with contextlib.suppress(FileExistsError):
                os.mkdir(entry.path, store.FOLDER, dir_fd=new)
        target = os.open(entry.path, tree.INTO, dir_fd=new)
        try:
            with _source(source, entry.path) as found:
                if not adopt.folder(found, target, entry):
                    lacking.append(entry)
        finally:
            os.close(target)
    for path, entries in _by_folder(steps.others).items():
        target = os.open(path, tree.INTO, dir_fd=new)
        try:
            with _source(source, path) as found:
                for entry in entries:
                    name = entry.path.rpartition(b"/")[2]
                    if found is None or not adopter.file(found, name, target, entry):
                        lacking.append(entry)
        finally:
            os.close(target)
    for path, time in steps.times.items():
        os.utime(path, ns=(time, time), dir_fd=new, follow_symlinks=False)
    return lacking


@contextlib.contextmanager
def _source(source: int | None, path: bytes) -> Iterator[int | None]:
    if source is None:
        yield None
        return
    with tree.entered(source, path) as found:
        yield found


def _by_folder(entries: Sequence[Entry]) -> dict[bytes, list[Entry]]:
    found: dict[bytes, list[Entry]] = {}
    for entry in entries:
        found.setdefault(above(entry.path), []).append(entry)
    return found
