"""The one way from setup to systemd and to the machine's users: a seam of four methods, and the real thing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from appliance.daemon.program import run

_RUNNING = Path("/run/systemd/system")
_WITHOUT_SYSTEMD = frozenset({"enable", "disable", "is-enabled"})
"""What systemctl does on a machine that is not booted by systemd: links in /etc."""
_ONCE = frozenset({"domain"})
"""Samba 4.17 reads its certificate when it starts; its clients connect again."""
_PATIENCE = 300.0
_ADMIN_GROUP = "schoolserver-admin"


class SystemProblem(Exception):
    """A program of the system did not do what was asked; the text is for the carer, with what the program said."""


class System(Protocol):
    """What setup needs of the machine."""

    def ask(self, verb: str, unit: str) -> bool:
        """Answer ``is-active`` or ``is-enabled`` for ``unit``; no for a unit that does not exist."""
        ...

    def do(self, verb: str, *units: str) -> bool:
        """Let systemd do ``verb``; no: not done, for systemd does not run here. Raises :class:`SystemProblem`."""
        ...

    def folders(self) -> None:
        """Make the server's folders (tmpfiles.d). Raises :class:`SystemProblem`."""
        ...

    def join(self, login: str) -> None:
        """Make a user of this machine one who may command the server. Raises :class:`SystemProblem`."""
        ...


def reload(system: System, units: Sequence[str]) -> None:
    """Let running ``units`` (short names) load what is new; only who cannot do that is restarted."""
    for unit in units:
        name = f"schoolserver-{unit}.service"
        if system.ask("is-active", name):
            system.do("restart" if unit in _ONCE else "reload", name)


class Systemd:
    """The machine itself."""

    def ask(self, verb: str, unit: str) -> bool:
        """Ask ``systemctl``."""
        if verb not in _WITHOUT_SYSTEMD and not _RUNNING.is_dir():
            return False
        return _run(("systemctl", "--quiet", verb, "--", unit)).returncode == 0

    def do(self, verb: str, *units: str) -> bool:
        """Call ``systemctl``."""
        if verb not in _WITHOUT_SYSTEMD and not _RUNNING.is_dir():
            return False
        _must(("systemctl", "--quiet", verb, *(("--", *units) if units else ())))
        return True

    def folders(self) -> None:
        """Call ``systemd-tmpfiles`` for our files alone."""
        places = (Path("/usr/lib/tmpfiles.d"), Path("/etc/tmpfiles.d"))
        names = sorted({path.name for place in places for path in place.glob("schoolserver*.conf")})
        if names:
            _must(("systemd-tmpfiles", "--create", *names))

    def join(self, login: str) -> None:
        """Call ``usermod``."""
        _must(("usermod", "--append", "--groups", _ADMIN_GROUP, "--", login))


def _must(argv: Sequence[str]) -> None:
    done = _run(argv)
    if done.returncode != 0:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise SystemProblem(f"{' '.join(argv)}: {said}")


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return run(argv, _PATIENCE)
    except subprocess.TimeoutExpired:
        raise SystemProblem(f"{' '.join(argv)}: no end after {_PATIENCE:.0f} s") from None
    except OSError as error:
        raise SystemProblem(f"{argv[0]}: {os.strerror(error.errno or 0)}") from error
