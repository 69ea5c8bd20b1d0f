"""Where the box keeps things on the machine that tests: cached image layers, and one folder for each run.

May live here: folders, locks, and clearing away after a run that was killed. May not: hosts.
A run holds a lock on its folder as long as its process lives; who finds a folder whose lock is free clears it away.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.school.box.cgroup import Cgroup

CACHE = Path(os.environ.get("SCHOOLSERVER_TEST_CACHE", "/var/cache/schoolserver-tests"))
_LOCK = "lock"


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """An empty folder of this run below :data:`CACHE`; what earlier runs left goes first, this one at the end."""
    runs = CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for left in runs.iterdir():
        _clear_if_stale(left)
    folder = runs / f"{os.getpid()}-{os.urandom(3).hex()}"
    folder.mkdir(mode=0o700)
    with locked(folder / _LOCK):
        try:
            yield folder
        finally:
            _clear(folder)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock ``path``; without ``wait`` tells whether it could be had. It ends with the process at least."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)


def cgroup_of(folder: Path) -> Cgroup:
    """The control group in which everything runs that belongs to a run."""
    return Cgroup(f"schoolserver-tests-{folder.name}")


def _clear_if_stale(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError), locked(folder / _LOCK, wait=False) as ours:
        if ours:
            _clear(folder)


def _clear(folder: Path) -> None:
    """End what still runs there; its mounts and its network end with its last process."""
    cgroup_of(folder).end()
    shutil.rmtree(folder, ignore_errors=True)
