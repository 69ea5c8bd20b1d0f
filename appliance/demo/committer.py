"""The demo's backup server beside its sshd: a store below the demo's folder, and the committer behind its socket.

May live here: its settings, its life. May not: sshd and keys (``sshd``), making or reading a backup. systemd's own tool
listens, as systemd does on the real machine: one process for each request.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from appliance.backup_server import store
from appliance.backup_server.settings import load
from appliance.backup_server.store import Place

SCHOOL = "school"
"""What the one school is called over there."""

_ACTIVATE = "/usr/bin/systemd-socket-activate"
_PYTHON = ("/usr/bin/python3", "-P", "-m", "appliance.backup_server")
_UP_WITHIN = 10.0
_LOOK_EVERY = 0.02


def settings_file(folder: Path) -> Path:
    """Where the settings of the backup server in ``folder`` are."""
    return folder / "server.conf"


def prepare(folder: Path, socket: Path) -> Place:
    """Make the store below ``folder``, and its settings; raises ``OSError``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = f"[store]\nfolder = {folder}/copies\nsocket = {socket}\n"
    settings_file(folder).write_text(text, encoding="utf-8")
    return store.prepare(load(settings_file(folder)), SCHOOL, os.geteuid(), os.getegid())


def command(folder: Path, program: Path, action: str) -> str:
    """What a shell runs to do ``action`` of the backup server in ``folder``; ``program``: where the package is."""
    words = (*_PYTHON, "--settings", str(settings_file(folder)), action)
    return f"PYTHONPATH={program} exec {' '.join(words)}"


@contextlib.contextmanager
def running(place: Place, folder: Path, program: Path) -> Iterator[None]:
    """Let the committer answer; raises ``OSError``."""
    path = place.settings.socket
    path.unlink(missing_ok=True)
    keep = ("-E", f"PYTHONPATH={program}", "-E", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
    words = (*_PYTHON, "--settings", str(settings_file(folder)), "committer")
    argv = ("/usr/bin/setpriv", "--pdeathsig", "TERM", _ACTIVATE, "--accept", "--inetd", "-l", str(path), *keep, *words)
    with (folder / "committer.log").open("ab") as log:
        listener = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        _wait_until_up(listener, path)
        yield
    finally:
        listener.terminate()
        listener.wait()


def _wait_until_up(listener: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + _UP_WITHIN
    while not path.exists():
        if listener.poll() is not None or time.monotonic() > deadline:
            raise OSError("the backup server's committer does not start; its log lies beside its settings")
        time.sleep(_LOOK_EVERY)
