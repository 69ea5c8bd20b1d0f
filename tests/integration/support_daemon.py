"""One program of ours, started as its unit starts it: with its sockets handed in, and waited for until it is ready."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.settings.load import Settings
from tests.integration.support_place import ROOT

_DEADLINE = 30.0


class Daemon:
    """A program of ours with sockets handed in, as the launcher or systemd would. ``user``: as whom, for ``Popen``."""

    def __init__(
        self,
        module: str,
        settings: Settings,
        log: Path,
        listeners: Mapping[str, socket.socket],
        user: Mapping[str, Any],
    ) -> None:
        self._module, self._settings, self._log, self._user = module, settings, log, user
        self._listeners = listeners
        self.prefix: Sequence[str] = ()
        """What to put before the program: ``nsenter`` and where to."""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says READY."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, self._log.open("ab") as log:
            path = self._settings.server.runtime / f"notify-{self._module}"
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            path.chmod(0o777)
            # From numbers far above to those that the programs expect: moving one never overwrites another.
            descriptors = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 100) for each in self._listeners.values()]
            moves = " ".join(f"exec {to}<&{given} {given}<&-;" for to, given in enumerate(descriptors, 3))
            argv = ["/bin/bash", "-c", f'{moves} export LISTEN_PID=$$; exec "$@"', "sh"]
            argv += [*self.prefix, "/usr/bin/python3", "-m", self._module, "--settings", str(self._settings.folder)]
            environment = os.environ | {
                "NOTIFY_SOCKET": str(path),
                "LISTEN_FDS": str(len(descriptors)),
                "LISTEN_FDNAMES": ":".join(self._listeners),
            }
            self.process = subprocess.Popen(
                argv,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                pass_fds=descriptors,
                **self._user,
            )
            for descriptor in descriptors:
                os.close(descriptor)
            self._wait_for_ready(notify)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and wait until it is gone."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(_DEADLINE)

    def kill(self) -> None:
        """End it and each worker of it at once, and wait until none is left that could take a connection."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)  # it begins no more workers
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        with contextlib.ExitStack() as stack:
            workers = []
            for worker in self.children():
                with contextlib.suppress(ProcessLookupError):
                    workers.append(os.pidfd_open(worker))
                    stack.callback(os.close, workers[-1])
            for each in workers:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(each, signal.SIGKILL)
            self.stop(signal.SIGKILL)
            for each in workers:
                assert select.select([each], [], [], _DEADLINE)[0], "a worker that does not end"

    def children(self) -> list[int]:
        """Process ids of its children: the workers."""
        assert self.process is not None
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in found.split()]

    def _wait_for_ready(self, notify: socket.socket) -> None:
        assert self.process is not None
        descriptor = os.pidfd_open(self.process.pid)
        try:
            limit = time.monotonic() + _DEADLINE
            while (left := limit - time.monotonic()) > 0:
                readable, _, _ = select.select([notify, descriptor], [], [], left)
                if notify in readable and b"READY=1" in notify.recv(4096):
                    return
                if descriptor in readable:
                    raise AssertionError(f"{self._module} ended with {self.process.wait()}: {self._log.read_text()}")
            self.stop(signal.SIGKILL)
            raise AssertionError(f"{self._module} was not ready in time: {self._log.read_text()}")
        finally:
            os.close(descriptor)
