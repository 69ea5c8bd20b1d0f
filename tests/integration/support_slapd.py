"""Starts the embedded slapd as the launcher does: the real program on its local socket; for the tests of every part."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from appliance.settings.load import Settings, load

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30.0
# An anonymous bind (RFC 4511, 4.2): a slapd that answers it, with whatever, serves.
_HELLO = bytes.fromhex("300c020101600702010304008000")

# Hashing is made as cheap as it can be: what it costs is measured by `make bench`.
SETTINGS = {
    "school.yaml": "domain: schule.example\n",
    "server.yaml": (
        "state: {folder}/state\nruntime: {folder}/run\ndata: {folder}/srv\nidentity: same\nlauncher: children\n"
    ),
    "directory.yaml": "argon2_memory: 1 MiB\nargon2_time: 1\ntimeout: 2 s\n",
}


def write_settings(folder: Path, **replaced: str) -> Settings:
    """Write settings for a school below ``folder`` and read them; ``directory="..."`` replaces a file, or adds one."""
    place = folder / "settings"
    place.mkdir(parents=True)
    for name, text in SETTINGS.items():
        replaced.setdefault(name.removesuffix(".yaml"), text)
    for name, text in replaced.items():
        place.joinpath(f"{name}.yaml").write_text(text.replace("{folder}", str(folder)))
    return load(place)


class Slapd:
    """A running slapd and how to hurt it. ``settings`` leads clients to it."""

    def __init__(self, settings: Settings, output: IO[bytes] | None = None) -> None:
        self.settings = settings
        self._output = output
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.settings.server.runtime / "directory" / "ldapi.sock"

    def argv(self) -> list[str]:
        """Return the command line of our program."""
        return ["/usr/bin/python3", "-m", "appliance.directory.slapd", "--settings", str(self.settings.folder)]

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            self.argv(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._output
        )
        descriptor = os.pidfd_open(self.process.pid)
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        limit = time.monotonic() + DEADLINE
        try:
            while not self._answers():
                if ended.poll(20):
                    raise AssertionError(f"slapd ended with exit code {self.process.wait()}")
                if time.monotonic() > limit:
                    self.kill()
                    raise AssertionError("slapd did not answer in time")
        finally:
            os.close(descriptor)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it and wait until it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
            self.process.wait(DEADLINE)

    def freeze(self) -> None:
        """Let it take connections (the kernel does) and answer nothing, until :meth:`thaw`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)  # until then one of its threads may still answer

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(DEADLINE)
                line.connect(str(self.socket))
                line.sendall(_HELLO)
                return line.recv(1) != b""
        except OSError:
            return False


@contextmanager
def start_slapd(folder: Path, settings: Settings | None = None, output: IO[bytes] | None = None) -> Iterator[Slapd]:
    """Run slapd until the end, with ``settings`` or with its own, made below ``folder`` (whose path must be short)."""
    slapd = Slapd(settings or write_settings(folder), output)
    slapd.start()
    try:
        yield slapd
    finally:
        slapd.kill(signal.SIGTERM)
