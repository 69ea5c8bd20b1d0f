"""Samba's own programs and ours that live in its libraries, run on a folder that nobody else uses.

May live here: how they are started, explaining. May not: what they are run for (``prepare``).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from appliance.directory import engine_tools
from appliance.directory.engine_tools import LOCK_TIME, CannotPrepare

_MEANINGS: Final = (
    ("does not support posix ACLs", "the disk keeps no access lists; it has to be ext4, XFS or btrfs"),
    ("No module named 'samba'", "the package python3-samba is missing"),
)


def sole_use(folder: Path, longest: float = LOCK_TIME) -> AbstractContextManager[int]:
    """Hold the lock of ``folder``; see :func:`engine_tools.sole_use`."""
    return engine_tools.sole_use(folder / "in-use", "Samba", longest)


def run(argv: Sequence[str], where: Path, lock: int, text: str = "") -> str:
    """Run ``argv`` with ``text`` as its input and return its output; raise :class:`CannotPrepare` about ``where``."""
    done = engine_tools.run(argv, lock, text, "schoolserver-domain")
    if done.returncode != 0:
        raise CannotPrepare(explained(where, done.stderr.strip() or done.stdout.strip()))
    return done.stdout


def explained(where: Path, output: str) -> str:
    """Return what a failure at ``where`` means and what to do, before what was said about it."""
    meaning = engine_tools.meaning(where, output, _MEANINGS)
    if meaning is None:
        return f"{where}: {output}"
    return f"{where}: {meaning}\n{output.strip().rpartition(chr(10))[2]}"  # not the way there through Samba's libraries
