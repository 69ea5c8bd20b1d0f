"""What was deleted for good and is to vanish from former versions, too (K23), noted on the disk: no restart loses it.

May live here: which folders of another day were those of one deleted, and the notes. May not: deleting (``shadows``).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from appliance.privileged.folders import names_in
from appliance.privileged.shelf import Former

_NOTE: Final = ".forget-"
_MOST: Final = 1 << 20
_OWNER: Final[Mapping[str, Callable[[os.stat_result], int]]] = {
    "homes": lambda found: found.st_uid,
    "groups": lambda found: found.st_gid,
}


@dataclass(frozen=True, slots=True)
class Deleted:
    """The folder of ``number`` in ``kind`` (``homes``, ``groups``), last called ``name``; ``number`` 0: names count.

    ``kept`` are the names of other folders of this number that there are still: a number may have had two owners.
    """

    kind: str
    name: str
    number: int
    kept: tuple[str, ...] = ()

    def was(self, name: str, status: os.stat_result) -> bool:
        """Whether the folder ``name`` of another day was this one, under whatever name, put aside by then or not."""
        former = Former.read(name)
        called, number = (name, _OWNER[self.kind](status)) if former is None else (former.name, former.number)
        same = number == self.number if self.number else called == self.name
        return same and called not in self.kept


def note(deleted: Deleted, folder: int) -> str:
    """Write it down in the open ``folder``; the name of the note, which is on the disk. Raises ``OSError``."""
    name = f"{_NOTE}{secrets.token_hex(8)}"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(deleted), file)
        file.flush()
        os.fsync(descriptor)
    os.fsync(folder)
    return name


def noted(folder: int) -> Iterator[tuple[str, Deleted]]:
    """Give the notes in the open ``folder``, each with its name; one that a power cut left half is removed."""
    for name in names_in(folder):
        if name.startswith(_NOTE):
            with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), "rb") as file:
                raw = file.read(_MOST)
            try:
                found = json.loads(raw)
                yield name, Deleted(found["kind"], found["name"], found["number"], tuple(found["kept"]))
            except (ValueError, TypeError, KeyError):
                done(name, folder)  # nothing had been deleted yet


def done(name: str, folder: int) -> None:
    """Remove the note ``name``."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
