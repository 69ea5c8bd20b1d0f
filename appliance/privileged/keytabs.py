"""Keys of our services in the domain, which only root can read: written where each service finds its own.

May live here: the verb, and starting the program that does it, in a process of its own that lives in Samba's libraries
(``appliance.directory.domain.keytabs``). May not: a path or a name in an argument.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import appliance
from appliance.daemon.request_server import Peer, RequestError, Verb

_PYTHON: Final = "/usr/bin/python3"
_PROGRAM: Final = "appliance.directory.domain.keytabs"
_SOURCE: Final = Path(appliance.__file__).resolve().parent.parent
_PATIENCE: Final = 60.0
_NOT_MADE: Final = 3
_LONGEST: Final = 1000


class Keytabs:
    """The verb for the settings in ``folder``; ``kind`` is the directory's."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._thread = ThreadPoolExecutor(1, "keytabs")

    def verbs(self, allowed: Callable[[Peer], bool]) -> Mapping[str, Verb]:
        """The verb for callers that are ``allowed``."""
        return {"keytabs-keep": Verb(self._keep, {}, allowed)}

    def stop(self) -> None:
        """Begin no more; what is under way is one transaction of the database."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _keep(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        if self._kind != "domain":
            raise RequestError("not-possible", "there is no domain of the server's own, whose keys it could write")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run)

    def _run(self) -> Mapping[str, Any]:
        argv = (_PYTHON, "-P", "-m", _PROGRAM, "--settings", str(self._folder))
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(_SOURCE)}
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE,
                check=False,
                cwd="/",
                env=environment,
            )
            if done.returncode == 0:
                return {"changed": [str(part) for part in json.loads(done.stdout)["changed"]]}
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
            raise RequestError("try-later", f"the keys cannot be read ({type(error).__name__})") from error
        if done.returncode == _NOT_MADE:
            raise RequestError("try-later", "no domain is made yet")
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RequestError("failed", last[0][:_LONGEST])
