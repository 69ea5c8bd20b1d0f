"""What a process may open from now on, held by the kernel (Landlock, Linux 5.19): for rsync, which strangers talk to.

May live here: the kernel's calls. May not: what is allowed for whom. Where the kernel has none of it, the Unix user is
what confines the process, as everywhere.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

READ = 1 << 2 | 1 << 3
"""To read files and folders."""

RUN = READ | 1 << 0
"""The same, and to execute files."""

WRITE = READ | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 13
"""The same, and to write, remove, make files and folders, and move them between folders; no links, devices, pipes."""

_ALL = (1 << 14) - 1
_VERSION_WANTED = 2  # moving files between folders can be allowed since
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # on all architectures
_NO_NEW_PRIVILEGES = 38
_OF_FILES = RUN | 1 << 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def confine(allowed: Iterable[tuple[Path, int]]) -> bool:
    """Let this process and its children open nothing but what is below these; whether the kernel can. Raises OSError.

    A path that there is not is left out. It cannot be taken back.
    """
    if _LIBC.syscall(_CREATE, None, 0, 1) < _VERSION_WANTED:
        return False
    attributes = struct.pack("<Q", _ALL)
    rules = _checked(_LIBC.syscall(_CREATE, attributes, len(attributes), 0))
    try:
        for path, rights in allowed:
            try:
                held = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                rule = struct.pack("<Qi", rights if path.is_dir() else rights & _OF_FILES & ~(1 << 3), held)
                _checked(_LIBC.syscall(_ADD, rules, 1, rule, 0))
            finally:
                os.close(held)
        _checked(_LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(_LIBC.syscall(_RESTRICT, rules, 0))
    finally:
        os.close(rules)
    return True


def _checked(answer: int) -> int:
    if answer < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    return answer
