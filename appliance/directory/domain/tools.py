"""Samba's own programs and ours that live in its libraries, run on a folder that nobody else uses.

May live here: the lock, running them, explaining. May not: what they are run for (``prepare``).
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOCK_TIME, _TOOL_TIME, _AGAIN = 10, 300, 0.1  # seconds
_FULL: Final = "the disk is full; make room there and start again"
_MEANINGS: Final = (
    ("No space left on device", _FULL),
    ("Disk quota exceeded", "the quota of its user is used up; raise it and start again"),
    ("Read-only file system", "the disk can only be read; see what the kernel says about it (dmesg)"),
    ("does not support posix ACLs", "the disk keeps no access lists; it has to be ext4, XFS or btrfs"),
    ("No module named 'samba'", "the package python3-samba is missing"),
)


class CannotPrepare(Exception):
    """The domain cannot start; the text says where, what was found and what to do."""


@contextmanager
def sole_use(folder: Path, longest: float = _LOCK_TIME) -> Iterator[int]:
    """Hold the lock of ``folder``; the descriptor, if inherited, holds it as long as what inherited it runs.

    Raise :class:`CannotPrepare` if somebody else still has it after ``longest`` seconds.
    """
    descriptor = os.open(folder / "in-use", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + longest
        while not _locked(descriptor):
            if time.monotonic() > end:
                raise CannotPrepare(f"{folder}: another Samba runs on this folder")
            time.sleep(_AGAIN)  # its processes end one after the other
        yield descriptor
    finally:
        os.close(descriptor)


def run(argv: Sequence[str], where: Path, lock: int, text: str = "") -> str:
    """Run ``argv`` with ``text`` as its input and return its output; raise :class:`CannotPrepare` about ``where``.

    It holds ``lock`` too, so that nobody else begins while it is still at work.
    """
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TOOL_TIME,
            check=False,
            pass_fds=(lock,),
        )
    except FileNotFoundError as error:
        raise CannotPrepare(f"{argv[0]} is missing; the package schoolserver-domain brings it") from error
    except subprocess.TimeoutExpired as error:
        raise CannotPrepare(f"{argv[0]} did not end within {_TOOL_TIME} s") from error
    if done.returncode != 0:
        raise CannotPrepare(explained(where, done.stderr.strip() or done.stdout.strip()))
    return done.stdout


def explained(where: Path, output: str) -> str:
    """Return what a failure at ``where`` means and what to do, before what was said about it."""
    meaning = next((meaning for sign, meaning in _MEANINGS if sign in output), None)
    if meaning is None and _is_full(where):
        meaning = _FULL
    if meaning is None:
        return f"{where}: {output}"
    return f"{where}: {meaning}\n{output.strip().rpartition(chr(10))[2]}"  # not the way there through Samba's libraries


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_full(where: Path) -> bool:
    try:
        disk = os.statvfs(where)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < 1 << 20
