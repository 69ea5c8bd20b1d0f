"""What the privileged process does to engines: swap a rendered file, end somebody's sessions.

May live here: the table of engines, their files and commands. May not: what is in such a file. Everything blocks.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from appliance.daemon.engine import EngineRefused, roll_back, swap
from appliance.daemon.program import run

_DOVECONF = "/usr/bin/doveconf"
_DOVEADM = "/usr/bin/doveadm"
_TESTPARM = "/usr/bin/testparm"
_FLOCK = "hhqqi4x"
_NOBODY = 68
"""Exit code of ``doveadm kick`` when that user has no session."""
_PATIENCE = 10.0


class Engine(Protocol):
    """What takes a rendered file."""

    def install(self, text: str) -> bool:
        """Make ``text`` its file and let it be read; whether anything changed. Raises :class:`EngineRefused`."""


class Dovecot:
    """Dovecot with the configuration ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def install(self, text: str) -> bool:
        """Make ``text`` the configuration and let Dovecot read it; whether anything changed.

        The former one stays, or comes back, when the checker or Dovecot refuses. Raises
        :class:`~appliance.daemon.engine.EngineRefused` with what they said, or ``OSError``.
        """
        if not swap(self._path, text, lambda candidate: (_DOVECONF, "-c", str(candidate), "-n")):
            return False
        done = _run((_DOVEADM, "-c", str(self._path), "reload"))
        if done.returncode != 0:
            roll_back(self._path)
            raise EngineRefused("Dovecot could not be told to read its new file; the former one is back", done.stderr)
        return True

    def kick(self, login: str) -> bool:
        """End every session of ``login``; whether there was one. Raises :class:`EngineRefused`."""
        done = _run((_DOVEADM, "-c", str(self._path), "kick", login))
        if done.returncode == _NOBODY:
            return False
        if done.returncode != 0 or "failed" in done.stderr:  # a process that it may not signal changes no exit code
            raise EngineRefused(f"doveadm kick failed (exit code {done.returncode})", "")
        return True


class Samba:
    """The shares of the domain's Samba, in the file ``path`` that its configuration ``main`` includes.

    Its smbd holds a lock on ``running``. It is told by a signal: smbcontrol would want to see a network.
    """

    def __init__(self, main: Path, path: Path, running: Path) -> None:
        self._main = main
        self._path = path
        self._running = running

    def install(self, text: str) -> bool:
        """Make ``text`` the shares and let Samba read them, which ends no session; whether anything changed.

        The former ones stay, or come back, when testparm refuses or Samba does not listen. Raises
        :class:`~appliance.daemon.engine.EngineRefused` with what they said, or ``OSError``.
        """
        if not self._main.exists():
            raise EngineRefused("no domain is made yet", "")
        if not swap(self._path, text, lambda candidate: (_TESTPARM, "-s", "--suppress-prompt", str(candidate)), 0o600):
            return False
        try:
            os.kill(_locked_by(self._running), signal.SIGHUP)
        except OSError as error:
            roll_back(self._path)
            raise EngineRefused("Samba does not run and reads no shares; the former ones are back", "") from error
        return True


def _locked_by(path: Path) -> int:
    """Give the process that holds a lock on the file ``path`` (fcntl_locking(2)); raises ``OSError`` if none does."""
    with path.open("rb") as file:
        found = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    kind, _, _, _, pid = struct.unpack(_FLOCK, found)
    if kind == fcntl.F_UNLCK or pid <= 1:
        raise ProcessLookupError
    return int(pid)


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return run(argv, _PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineRefused(f"{argv[0]} gives no answer", type(error).__name__) from error
