"""What the privileged process does to engines: swap a rendered file, end somebody's sessions.

May live here: the table of engines, their files and commands. May not: what is in such a file. Everything blocks.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from appliance.daemon.engine import EngineRefused, roll_back, swap
from appliance.daemon.program import run

_DOVECONF = "/usr/bin/doveconf"
_DOVEADM = "/usr/bin/doveadm"
_NOBODY = 68
"""Exit code of ``doveadm kick`` when that user has no session."""
_PATIENCE = 10.0


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


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return run(argv, _PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineRefused(f"{argv[0]} gives no answer", type(error).__name__) from error
