"""Programs of a directory's engine, run on a folder that nobody else uses, and what their complaints mean.

May live here: what slapd's and Samba's have in common. May not: which they are (``slapd.tools``, ``domain.tools``).
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from appliance.daemon.identities import Identity

LOCK_TIME: Final = 10.0
"""Seconds for which another engine may still be ending."""
_TOOL_TIME: Final = 300  # seconds
_FULL: Final = "the disk is full; make room there and start again"
_MEANINGS: Final = (
    ("No space left on device", _FULL),
    ("Disk quota exceeded", "the quota of its user is used up; raise it and start again"),
    ("Read-only file system", "the disk can only be read; see what the kernel says about it (dmesg)"),
)


class CannotPrepare(Exception):
    """The engine cannot start; the text says where, what was found and what to do."""


@contextmanager
def sole_use(lock: Path, engine: str, longest: float = LOCK_TIME) -> Iterator[int]:
    """Hold the file ``lock``; the descriptor, if inherited, holds it as long as what inherited it runs.

    It is its folder's owner's. Raise :class:`CannotPrepare` if another ``engine`` still has it after ``longest``
    seconds.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            owner = lock.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        if not _taken(descriptor, longest):
            raise CannotPrepare(f"{lock.parent}: another {engine} runs on this folder")
        yield descriptor
    finally:
        os.close(descriptor)


def run(
    argv: Sequence[str], lock: int, text: str, package: str, own: Identity | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` of ``package`` to its end, with ``text`` as its input, as ``own`` if that is given.

    It holds ``lock`` too, so that nobody else begins while it is still at work. Raise :class:`CannotPrepare` when it is
    missing or takes too long; what its exit code means is the caller's.
    """
    user, group, groups = (own.uid, own.gid, ()) if own is not None else (None, None, None)
    try:
        return subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TOOL_TIME,
            check=False,
            pass_fds=(lock,),
            user=user,
            group=group,
            extra_groups=groups,
        )
    except FileNotFoundError as error:
        raise CannotPrepare(f"{argv[0]} is missing; the package {package} brings it") from error
    except subprocess.TimeoutExpired as error:
        raise CannotPrepare(f"{argv[0]} did not end within {_TOOL_TIME} s") from error


def meaning(where: Path, output: str, own: Iterable[tuple[str, str]]) -> str | None:
    """Say what a failure at ``where`` means and what to do: by its ``output``, by ``own`` signs too, or by the disk."""
    found = next((meaning for sign, meaning in (*_MEANINGS, *own) if sign in output), None)
    return _FULL if found is None and _is_full(where) else found


def _taken(descriptor: int, longest: float) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return longest > 0 and _taken_within(descriptor, longest)
    return True


def _taken_within(descriptor: int, seconds: float) -> bool:
    before = signal.signal(signal.SIGALRM, _too_long)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except TimeoutError:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return True


def _is_full(where: Path) -> bool:
    """Whether the disk at ``where`` has no MiB left: some tools call that an input/output error."""
    try:
        disk = os.statvfs(where)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < 1 << 20


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError
