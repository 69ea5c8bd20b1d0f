"""What came from the backup server, compared with the signed lines before anybody gets it.

May live here: looking at what lies in a draft. May not: fetching, giving it away. Nothing that was not asked for stays,
and no file whose bytes, owner, mode, time or attributes are others than when it was saved.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.backup.matching import TOP
from appliance.backup.problem import BackupError
from appliance.backup_server.lines import line_of_living
from appliance.backup_server.manifest import Entry
from appliance.daemon.descriptors import FOLDER, opened
from appliance.privileged import removing
from appliance.privileged.folders import names_in

_UNSTEADY = "?"


@dataclass(frozen=True, slots=True)
class Compared:
    """``files`` that are as they were, of ``size`` bytes together; ``lacking``: those that are not there, or others."""

    files: int
    size: int
    lacking: int


def compare(staged: Path, wanted: Mapping[bytes, Entry], owners: bool = True) -> Compared:
    """Compare all below ``staged`` with the entries ``wanted`` (by path, ``.``: itself) and remove what differs.

    ``owners``: whether numbers of owners count (they cannot without root). Raises :class:`BackupError` (``damaged``)
    when nothing is left, or a folder is not what it was; ``OSError``.
    """
    seen: set[bytes] = set()
    files = size = 0
    waiting = [(b"", TOP)]
    while waiting:
        above, path = waiting.pop()
        if not _same(_look(staged, path), wanted[path], owners):
            raise BackupError("damaged", "a folder came back from the backup server other than it was saved")
        seen.add(path)
        with opened(os.open(staged / os.fsdecode(path), FOLDER)) as folder:
            removed = False
            for name in map(os.fsencode, names_in(folder)):
                inner = above + name
                entry = wanted.get(inner)
                if entry is not None and entry.kind == "d":
                    waiting.append((inner + b"/", inner))
                    continue
                if entry is None or not _same(line_of_living(folder, name, inner)[0], entry, owners):
                    removing.delete(os.fsdecode(name), folder, os.geteuid() == 0)
                    removed = True
                    continue
                seen.add(inner)
                files += 1
                size += entry.size
            if removed:
                os.utime(folder, ns=(wanted[path].mtime_ns, wanted[path].mtime_ns))
    given = sum(entry.kind != "d" for entry in wanted.values())
    if given and not files:
        raise BackupError("damaged", "nothing came back from the backup server as it was saved; try another day")
    return Compared(files, size, len(wanted) - len(seen))


def _look(staged: Path, path: bytes) -> Entry:
    with opened(os.open(staged.parent, FOLDER)) as above:
        name = os.fsencode(staged.name)
        return line_of_living(above, name if path == TOP else name + b"/" + path, path)[0]


def _same(found: Entry, saved: Entry, owners: bool) -> bool:
    if saved.content == _UNSTEADY:  # it was written to while it was saved: there is nothing to compare it with
        found = replace(found, content=saved.content, size=saved.size, mtime_ns=saved.mtime_ns)
    if not owners:
        found = replace(found, uid=saved.uid, gid=saved.gid)
    return found == saved
