"""What a cut upload leaves: found by its size, removed when it began in this session, never followed through a link.

May live here: telling them from others by descriptor. May not: which sizes give it away (``bounds``). Blocking.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, opened
from appliance.daemon.walking import Walk

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_EMPTY_PATH, _STATX_BTIME = 0x1000, 0x800
_BORN_AT, _STATX_SIZE = 80, 256
_SLACK = 2.0  # seconds: the stamps of files are a bit behind the clock


@dataclass(frozen=True, slots=True)
class Remains:
    """A cut file at ``parts``, the share first, as its owner sees it; ``removed``: it is no more.

    One that was there before the session began stays: it may hold what was in it before.
    """

    parts: tuple[str, ...]
    removed: bool


def clear(
    folder: Path, shown: tuple[str, ...], uid: int, limits: Mapping[int, float], begun: float
) -> Iterator[Remains]:
    """Remove from ``folder`` the files of ``uid`` that have a size of ``limits`` and changed since that was in force.

    ``begun`` is when his first session did (seconds since 1970); ``shown`` is how he sees the folder. Nothing is done
    in one that is not there.
    """
    try:
        descriptor = os.open(folder, FOLDER)
    except FileNotFoundError:
        return
    with opened(descriptor) as top:
        walk = Walk(top)
        for inner, entry in walk:
            if entry is None or not _is_cut(entry, uid, limits):
                continue
            removed = _remove(entry, inner, begun)
            if removed is not None:
                yield Remains((*shown, *walk.parts, entry.name), removed)


def _is_cut(entry: os.DirEntry[str], uid: int, limits: Mapping[int, float]) -> bool:
    try:
        seen = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    since = limits.get(seen.st_size)
    fresh = since is not None and seen.st_mtime >= since - _SLACK
    return fresh and seen.st_uid == uid and stat.S_ISREG(seen.st_mode)


def _remove(entry: os.DirEntry[str], folder: int, begun: float) -> bool | None:
    """Remove what ``entry`` was when it was found; ``None``: it is something else by now."""
    try:
        file = os.open(entry.name, _LOOK, dir_fd=folder)
    except OSError:
        return None
    try:
        seen = os.fstat(file)
        if (seen.st_ino, seen.st_size) != (entry.inode(), entry.stat(follow_symlinks=False).st_size):
            return None
        born = _born(file)
        if seen.st_nlink != 1 or born is None or born < begun - _SLACK:
            return False
        os.unlink(entry.name, dir_fd=folder)
        return True
    except FileNotFoundError:
        return None
    except OSError:  # a folder whose owner lets nobody remove what is in it
        return False
    finally:
        os.close(file)


def _born(file: int) -> float | None:
    """Give when the file was made (statx(2)), in seconds since 1970; ``None`` where the disk does not know."""
    answer = ctypes.create_string_buffer(_STATX_SIZE)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statx(file, b"", _AT_EMPTY_PATH, _STATX_BTIME, answer) != 0:
        return None
    mask = ctypes.c_uint32.from_buffer(answer).value
    if not mask & _STATX_BTIME:
        return None
    seconds = ctypes.c_int64.from_buffer(answer, _BORN_AT).value
    return seconds + ctypes.c_uint32.from_buffer(answer, _BORN_AT + 8).value / 1e9
