"""What the privileged process does to systemd's units: restart one, reload one. The table of names is closed.

May live here: that table and systemctl's commands. May not: when (the supervisor's), how a daemon reloads (``daemon``).
As root, systemctl talks to systemd itself and needs no D-Bus. Everything blocks.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from appliance.daemon.program import run
from appliance.daemon.request_server import Peer, RequestError, Verb

UNITS: Final = (
    "audit",
    "privileged",
    "directory",
    "ldap-port",
    "domain",
    "time",
    "guard",
    "auth",
    "supervisor",
    "mail",
    "outbound",
    "imap",
    "autoconfig",
    "proxy",
    "firewall",
    "resolver",
    "fileshare",
    "smb",
)
"""The units that may be asked for, by our names; on systemd each is ``schoolserver-NAME.service``."""

_SYSTEMCTL: Final = "/usr/bin/systemctl"
_BOOTED: Final = Path("/run/systemd/system")
_RESTART, _RELOAD = 10.0, 55.0  # seconds; a reload answers after daemon.reload.PATIENCE at the latest
_THREADS: Final = 3
_LONGEST: Final = 1000


class Units:
    """The verbs about units; ``launcher`` is the setting: where it is not ``systemd`` the units are not systemd's."""

    def __init__(self, launcher: str) -> None:
        self._launcher = launcher
        self._threads = ThreadPoolExecutor(_THREADS, "units")

    def verbs(self, allowed: Callable[[Peer], bool]) -> dict[str, Verb]:
        """The verbs by name, for peers who are ``allowed``."""
        return {
            "unit-restart": Verb(self._verb(self._restart), {"name": str}, allowed),
            "unit-reload": Verb(self._verb(self._reload), {"name": str}, allowed),
        }

    def stop(self) -> None:
        """Let what is under way end by itself: systemd finishes it without us."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verb(self, act: Callable[[str], None]) -> Any:
        async def answer(arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
            name = arguments["name"]
            if name not in UNITS:
                raise RequestError("unknown-unit", f"there is no such unit; known are {', '.join(UNITS)}")
            if self._launcher != "systemd" or not _BOOTED.is_dir():
                raise RequestError("not-possible", "the units of this server are not systemd's")
            unit = f"schoolserver-{name}.service"
            await asyncio.get_running_loop().run_in_executor(self._threads, partial(act, unit))
            return {}

        return answer

    @staticmethod
    def _restart(unit: str) -> None:
        """Also when it was given up: who asks wants it to run."""
        _systemctl(_RESTART, "reset-failed", unit)
        done = _systemctl(_RESTART, "--no-block", "restart", unit)
        if done.returncode != 0:
            raise RequestError("not-possible", _text(done) or "systemd does not restart it")

    @staticmethod
    def _reload(unit: str) -> None:
        can = _systemctl(_RESTART, "show", "--property=CanReload", "--property=ActiveState", unit).stdout.splitlines()
        if "CanReload=yes" not in can:
            raise RequestError("not-possible", f"{unit} cannot be reloaded")
        if "ActiveState=active" not in can and "ActiveState=reloading" not in can:
            raise RequestError("not-possible", f"{unit} does not run")
        done = _systemctl(_RELOAD, "reload", unit)
        if done.returncode != 0:
            raise RequestError("reload-refused", f"journalctl -u {unit} says why")


def _systemctl(timeout: float, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = (_SYSTEMCTL, "--no-ask-password", "--no-pager", "--quiet", *arguments)
    try:
        return run(argv, timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RequestError("try-later", f"systemctl gives no answer ({type(error).__name__})") from error


def _text(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stderr.split())[:_LONGEST]
