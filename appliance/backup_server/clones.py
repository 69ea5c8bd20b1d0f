"""The units of the base, linked into a new snapshot by as many processes as there are processors.

May live here: sharing that work out. May not: one folder's cloning (``tree``). Linking is the kernel's work, and a
school's 200,000 links keep one processor busy for seconds.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from appliance.backup_server import store, tree
from appliance.backup_server.base import Unit

_MOST = 4
_FEW = 8  # units that are not worth a process
_END_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None, use_errno=True)


def clone_units(base: Path, target: int, units: Sequence[Unit]) -> None:
    """Link these units of the snapshot ``base`` into the open ``target``, which has none of them; raises OSError."""
    count = 1 if len(units) < _FEW else min(_MOST, len(os.sched_getaffinity(0)))
    parent = os.getpid()
    children = [_child(parent, base, target, units[number::count]) for number in range(1, count)]
    failed = 0
    try:
        _clone(base, target, units[::count])
    except BaseException:
        for child in children:
            os.kill(child, signal.SIGKILL)
        raise
    finally:
        for child in children:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            failed = failed or (code if code >= 0 else errno.EIO)
    if failed:
        raise OSError(failed, os.strerror(failed))


def _child(parent: int, base: Path, target: int, units: Sequence[Unit]) -> int:
    """A process that links these and ends with the errno of what went wrong; also when its parent is killed."""
    child = os.fork()
    if child:
        return child
    code = errno.EIO
    try:
        _LIBC.prctl(_END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            _clone(base, target, units)
            code = 0
    except OSError as error:
        code = error.errno or errno.EIO
    finally:
        os._exit(code)


def _clone(base: Path, target: int, units: Sequence[Unit]) -> None:
    for part, unit in units:
        path = os.fsencode(f"{part}/{unit}")
        if unit != ".":
            os.mkdir(path, store.FOLDER, dir_fd=target)
        here = os.open(os.fsencode(base) + b"/" + path, tree.INTO)
        there = os.open(path, tree.INTO, dir_fd=target)
        try:
            tree.clone(here, there)
        finally:
            os.close(here)
            os.close(there)
