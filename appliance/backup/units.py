"""The units of a part: the folders directly in it, each of which has a section of the manifest of its own.

May live here: which folders are units, and of whom they are. May not: what is in one (``scan``).
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field

from appliance.backup.intent import Part
from appliance.backup.problem import BackupError
from appliance.backup_server.manifest import good_unit
from appliance.daemon.descriptors import FOLDER, opened

WHOLE = "."
"""The unit of a part that has no units: the part itself."""

_PUT_ASIDE = re.compile(r"\.former-", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """The folder ``name`` of ``part``; ``uid``: of the account that it belongs to, where it belongs to one."""

    part: str
    name: str
    uid: int | None = field(default=None, compare=False)

    def inside(self, path: bytes) -> bytes:
        """Give a ``path`` below the unit as one below the part."""
        if self.name == WHOLE:
            return path
        name = os.fsencode(self.name)
        return name if path == b"." else name + b"/" + path


def units(part: Part) -> tuple[list[Unit], int]:
    """The units of ``part``, sorted, and how many folders can be none for their name; raises :class:`BackupError`."""
    if part.whole:
        return [Unit(part.name, WHOLE)] if part.folder.is_dir() else [], 0
    try:
        with opened(os.open(part.folder, FOLDER)) as folder, os.scandir(folder) as entries:
            found = {entry.name: entry.stat(follow_symlinks=False).st_uid for entry in entries if _is_unit(entry)}
    except FileNotFoundError as error:
        raise BackupError("unreadable", f"the folder {part.folder} is missing; is its disk mounted?") from error
    except OSError as error:
        raise BackupError("unreadable", f"{part.folder} cannot be read: {os.strerror(error.errno or 0)}") from error
    good = [name for name in found if good_unit(name)]
    owner = found.get if part.owned else lambda name: _uid_of(part, name)
    return sorted(Unit(part.name, name, owner(name)) for name in good), len(found) - len(good)


def _is_unit(entry: os.DirEntry[str]) -> bool:
    """Whether it is no file, and nothing that is under way: what is put aside until it is deleted for good counts."""
    if entry.name.startswith(".") and not _PUT_ASIDE.match(entry.name):
        return False
    return entry.is_dir(follow_symlinks=False)


def _uid_of(part: Part, name: str) -> int | None:
    """A mailbox belongs to whose home is called so."""
    if part.homes is None:
        return None
    with contextlib.suppress(OSError):
        return (part.homes / name).lstat().st_uid
    return None
