"""Slapd's own programs, run one at a time on a folder that nobody else uses, and what their complaints mean.

May live here: the lock, running them, explaining. May not: what they are run for (``prepare``).
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from appliance.daemon.identities import Identity

_SBIN: Final = Path("/usr/sbin")
_LOCK_TIME, _TOOL_TIME = 10, 300  # seconds
_DAMAGED: Final = "the database is damaged; put back the folder db from the backup"
_FULL: Final = "the disk is full; make room there and start again"
_MEANINGS: Final = (
    ("No space left on device", _FULL),
    ("Disk quota exceeded", "the quota of its user is used up; raise it and start again"),
    ("Read-only file system", "the disk can only be read; see what the kernel says about it (dmesg)"),
    ("Permission denied", "a file or folder belongs to somebody else; root prepares them (--prepare-only)"),
    ("MDB_INVALID", _DAMAGED),
    ("MDB_CORRUPTED", _DAMAGED),
    ("MDB_PAGE_NOTFOUND", _DAMAGED),
    ("MDB_VERSION_MISMATCH", "the database is of another version of slapd; put it back from an export (slapcat)"),
)


class CannotPrepare(Exception):
    """Slapd cannot start; the text says where, what was found and what to do."""


@contextmanager
def sole_use(folder: Path) -> Iterator[int]:
    """Hold the lock of ``folder``; the descriptor, if inherited, holds it as long as what inherited it runs.

    Raise :class:`CannotPrepare` if somebody else still has it after ten seconds.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    before = signal.signal(signal.SIGALRM, _too_long)
    try:
        signal.alarm(_LOCK_TIME)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except TimeoutError as error:
        os.close(descriptor)
        raise CannotPrepare(f"{folder}: another slapd runs on this folder") from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Tools:
    """Runs slapd's programs on ``folder``, as ``own`` if root starts them; each holds ``lock`` while it runs."""

    folder: Path
    own: Identity
    lock: int

    def argv(self, program: str, *arguments: str) -> tuple[str, ...]:
        """Return the command line of ``program``."""
        return str(_SBIN / program), *arguments

    def run(self, program: str, *arguments: str, text: str = "") -> str:
        """Run ``program`` with ``text`` as its input and return its output; raise :class:`CannotPrepare`."""
        argv = self.argv(program, *arguments)
        user, group, groups = (self.own.uid, self.own.gid, ()) if os.geteuid() == 0 else (None, None, None)
        try:
            done = subprocess.run(
                argv,
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TOOL_TIME,
                check=False,
                pass_fds=(self.lock,),
                user=user,
                group=group,
                extra_groups=groups,
            )
        except FileNotFoundError as error:
            raise CannotPrepare(f"{argv[0]} is missing; the package slapd brings it") from error
        except subprocess.TimeoutExpired as error:
            raise CannotPrepare(f"{program} did not end within {_TOOL_TIME} s") from error
        if done.returncode != 0:
            raise CannotPrepare(explained(self.folder, f"{program}: {done.stderr.strip()}"))
        return done.stdout


def explained(where: Path, output: str) -> str:
    """Return what a failure at ``where`` means and what to do, before what was said about it."""
    meaning = next((meaning for sign, meaning in _MEANINGS if sign in output), None)
    if meaning is None and _is_full(where):
        meaning = _FULL
    return f"{where}: {meaning}\n{output}" if meaning else f"{where}: {output}"


def _is_full(where: Path) -> bool:
    """Whether the disk at ``where`` has no MiB left: slapd's tools call that an input/output error."""
    try:
        disk = os.statvfs(where)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < 1 << 20


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError
