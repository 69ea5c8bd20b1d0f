"""Doing what a domain needs of setup: making it, moving the accounts into it, switching over.

While accounts move slapd goes on serving the school, and nothing points to the domain: whatever fails, nothing is lost
and nobody notices. When everything is over there the settings are changed, in a moment in which nobody can sign in.
May not live here: what is moved (``directory.moving``), and deciding any of it (``directory``).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import appliance
from appliance.daemon.program import run
from appliance.daemon.whole_file import sync_folder, write_whole
from appliance.directory.client import connect
from appliance.directory.errors import DirectoryError, DirectoryUnavailable
from appliance.directory.moving import CannotMove, move
from appliance.setup.system import System, SystemProblem

if TYPE_CHECKING:
    from appliance.settings.load import Settings
    from appliance.setup.places import Places

_PATIENCE: Final = 330.0
_PROGRAM: Final = "appliance.directory.domain"
_ASKING: Final = ("schoolserver-supervisor.service", "schoolserver-auth.service")
"""Who knows the directory: they are off while the last changes go over."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Move:
    """From slapd, as ``before`` has it, into the domain of ``settings``."""

    places: Places
    system: System
    before: Settings
    settings: Settings

    def beside(self) -> None:
        """Start the domain while slapd serves; the port of LDAP goes to it. Raises :class:`SystemProblem`."""
        self.system.do("stop", "schoolserver-ldap-port.socket", "schoolserver-ldap-port.service")
        mark(self.places, "domain")
        self.system.do("daemon-reload")
        self.system.do("start", "schoolserver-domain.service")

    def accounts(self, progress: Progress = lambda _done, _all: None) -> int:
        """Bring over what is not there yet, and give how much that was. Raises :class:`SystemProblem`."""
        source, target = connect(self.before, "supervisor"), connect(self.settings, "supervisor")
        try:
            return move(source.read(), target, progress)
        except CannotMove as error:
            raise SystemProblem(f"the domain refuses some of it; slapd goes on serving:\n{error}") from error
        except DirectoryUnavailable as error:
            raise SystemProblem(f"{error}; slapd goes on serving") from error
        except DirectoryError as error:
            raise SystemProblem(str(error)) from error
        finally:
            source.close()
            target.close()

    def switch(self, write: Callable[[], None]) -> None:
        """Bring over what has changed meanwhile, ``write`` the settings, end slapd. Whatever fails, somebody serves."""
        self.system.do("stop", *_ASKING)
        try:
            self.accounts()
            write()
            only(self.places, "domain")
            self.system.do("stop", "schoolserver-directory.service")
        finally:
            self.system.do("start", *_ASKING)


def make(settings: Settings, anew: bool) -> None:
    """Make the domain if there is none; ``anew``: throw away one that nobody was ever in. Raises `SystemProblem`."""
    folder = settings.server.state / "domain"
    if anew:
        for path in folder.iterdir():
            if path.name != "tls":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    program = str(Path(appliance.__file__).resolve().parent.parent)
    argv = ("env", f"PYTHONPATH={program}", "/usr/bin/python3", "-P", "-m", _PROGRAM, "--settings", settings.folder)
    try:
        done = run((*map(str, argv), "--prepare-only"), _PATIENCE)
    except subprocess.TimeoutExpired:
        raise SystemProblem(f"making the domain did not come to an end in {_PATIENCE:.0f} s") from None
    if done.returncode != 0:
        raise SystemProblem((done.stderr.strip() or done.stdout.strip()).removeprefix("schoolserver domain: "))


def mark(places: Places, kind: str) -> None:
    """Let the units of this directory of our own start."""
    if not places.with_directory(kind).exists():
        text = f"schoolserver setup was here: the units of {kind} may start.\n"
        write_whole(places.with_directory(kind), text.encode(), 0o644)


def only(places: Places, kind: str) -> None:
    """Let the units of ``kind`` start and those of no other; none may where it is somebody else's directory."""
    if kind in ("slapd", "domain"):
        mark(places, kind)
    for other in ("slapd", "domain"):
        if other != kind:
            places.with_directory(other).unlink(missing_ok=True)
    sync_folder(places.state)
