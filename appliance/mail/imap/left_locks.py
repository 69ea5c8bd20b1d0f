"""Locks in mailboxes that a power cut left: files with the number of a process that is gone.

After the boot the number is somebody else's, so Dovecot takes the lock for held and the mailbox waits two minutes.
Called before Dovecot starts. May live here: finding and removing them. May not: mails and indexes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NAMES: Final = ("dovecot", "subscriptions")
_PROGRAMS: Final = "/usr/lib/dovecot/"
_LONGEST: Final = 256


def remove_left_locks(mail: Path) -> int:
    """Remove those of all mailboxes below ``mail`` and of their folders; how many there were.

    One whose holder is a process of Dovecot stays.
    """
    left = [path for path in _locks(mail) if not _held(path)]
    for path in left:
        with contextlib.suppress(OSError):
            path.unlink()
    return len(left)


def _locks(mail: Path) -> Iterator[Path]:
    for box in _folders(mail):
        for folder in (box, *(one for one in _folders(box) if one.name.startswith("."))):
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".lock") and entry.name.startswith(_NAMES):
                        yield Path(entry.path)


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _held(lock: Path) -> bool:
    """Whether a process of Dovecot has it; the file says ``number:host``."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            number = file.read(_LONGEST).partition(b":")[0].decode("ascii", "replace")
        return number.isdecimal() and str(Path(f"/proc/{number}/exe").readlink()).startswith(_PROGRAMS)
    except OSError:
        return False
