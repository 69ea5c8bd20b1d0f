"""What a carer's patterns mean among the paths of a unit. Pure: a section's lines in, entries out.

May live here: patterns, and whose an entry must be. May not: fetching anything. ``*`` and ``?`` stay within one name,
``**`` stands for any folders; a folder that is meant comes with all that is in it.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from appliance.backup.problem import BackupError
from appliance.backup_server.manifest import Entry, path_of

_LONGEST: Final = 2048
_MOST_NAMES: Final = 64
TOP: Final = b"."
"""The path of a unit itself."""
_ANY: Final = "**"
_KINDS: Final = "fdl"

Matches = Callable[[Sequence[bytes]], bool]


@dataclass(frozen=True, slots=True)
class Matched:
    """``entries``: what is meant and the folders above it, by path; ``left``: how many cannot be given to this person.

    Those are somebody else's, or no file, folder or link.
    """

    entries: dict[bytes, Entry]
    left: int


def pattern(text: str) -> Matches:
    """Say of a path's names whether just they are meant; raises :class:`BackupError` (``refused``).

    Each name of a pattern is tried once for each name of a path, so no pattern is slow.
    """
    names = text.strip("/").split("/")
    if len(text) > _LONGEST or len(names) > _MOST_NAMES or any(ord(letter) < 32 for letter in text):
        raise BackupError("refused", "a path has up to 2048 characters and 64 names, and none that cannot be seen")
    if any(name in ("", ".", "..") for name in names):
        raise BackupError("refused", "a path goes down from the folder, such as Mathe/letter.odt or 'Mathe/*'")
    parts = [None if name == _ANY else _one(name) for name in names]

    def matches(path: Sequence[bytes]) -> bool:
        reached = {0}
        for name in map(os.fsdecode, path):  # a pattern's ? is a letter, and not a byte of an umlaut
            open_ = [at for at in _past(reached, parts) if at < len(parts) and _fits(parts[at], name)]
            reached = {at if parts[at] is None else at + 1 for at in open_}
            if not reached:
                return False
        return len(parts) in _past(reached, parts)

    return matches


def matched(lines: Iterable[bytes], patterns: Sequence[str], uid: int | None) -> Matched:
    """Find what ``patterns`` mean among a section's ``lines``.

    ``uid``: whose all of it must be (``None``: that of many). Raises :class:`BackupError` (``refused``, ``no-copy``:
    nothing is meant; it says how many entries there are, and none of their names).
    """
    wanted = [pattern(one) for one in patterns]
    folders: dict[bytes, Entry] = {}
    meant: dict[bytes, Entry] = {}
    closed: set[bytes] = set()
    count = left = 0
    for line in lines:
        count += 1
        path = path_of(line)
        above = path.rpartition(b"/")[0]
        hit = path != TOP and (above in meant or _is_meant(path, wanted))
        if not hit and not line.startswith(b"d "):
            continue
        entry = Entry.read(line)
        if (path != TOP and (above or TOP) in closed) or not _may_come(entry, uid):
            closed.add(path)
            left += hit
            continue
        if entry.kind == "d":
            folders[path] = entry
        if hit:
            meant[path] = entry
    if not meant:
        raise BackupError("no-copy", _nothing(count - 1, left))
    for path in list(meant):
        above = path
        while above != TOP:
            above = above.rpartition(b"/")[0] or TOP
            if above in meant:
                break
            meant[above] = folders[above]
    return Matched(dict(sorted(meant.items(), key=lambda one: (one[0] != TOP, one[0]))), left)


def _is_meant(path: bytes, wanted: Sequence[Matches]) -> bool:
    names = path.split(b"/")
    return any(one(names) for one in wanted)


def _may_come(entry: Entry, uid: int | None) -> bool:
    return entry.kind in _KINDS and (uid is None or entry.uid == uid)


def _nothing(count: int, left: int) -> str:
    if left:
        return f"all {left} entries that are meant belong to somebody else, or are no files"
    return f"nothing of that name is in this snapshot, which has {count} files and folders here; is it another day?"


def _past(reached: set[int], parts: Sequence[re.Pattern[str] | None]) -> set[int]:
    """What can be reached by letting ``**`` stand for nothing."""
    found = set(reached)
    for at, part in enumerate(parts):
        if at in found and part is None:
            found.add(at + 1)
    return found


def _fits(part: re.Pattern[str] | None, name: str) -> bool:
    return part is None or part.fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _one(name: str) -> re.Pattern[str]:
    try:
        return re.compile(fnmatch.translate(name))
    except re.error as error:
        raise BackupError("refused", "this is no pattern") from error
