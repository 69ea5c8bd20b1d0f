"""Slapd's own programs, run one at a time on a folder that nobody else uses, and what their complaints mean.

May live here: how they are started, explaining. May not: what they are run for (``prepare``).
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.daemon.identities import Identity
from appliance.directory import engine_tools
from appliance.directory.engine_tools import LOCK_TIME, CannotPrepare

_SBIN: Final = Path("/usr/sbin")
_DAMAGED: Final = "the database is damaged; put back the folder db from the backup"
_MEANINGS: Final = (
    ("Permission denied", "a file or folder belongs to somebody else; root prepares them (--prepare-only)"),
    ("MDB_INVALID", _DAMAGED),
    ("MDB_CORRUPTED", _DAMAGED),
    ("MDB_PAGE_NOTFOUND", _DAMAGED),
    ("MDB_VERSION_MISMATCH", "the database is of another version of slapd; put it back from an export (slapcat)"),
)


def sole_use(folder: Path, longest: float = LOCK_TIME) -> AbstractContextManager[int]:
    """Hold the lock of ``folder``; see :func:`engine_tools.sole_use`."""
    return engine_tools.sole_use(folder / "lock", "slapd", longest)


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
        own = self.own if os.geteuid() == 0 else None
        done = engine_tools.run(self.argv(program, *arguments), self.lock, text, "slapd", own)
        if done.returncode != 0:
            raise CannotPrepare(explained(self.folder, f"{program}: {done.stderr.strip()}"))
        return done.stdout


def explained(where: Path, output: str) -> str:
    """Return what a failure at ``where`` means and what to do, before what was said about it."""
    meaning = engine_tools.meaning(where, output, _MEANINGS)
    return f"{where}: {meaning}\n{output}" if meaning else f"{where}: {output}"
