"""A launcher with echo servers under it, as a process that the tests talk to, shoot at and end."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from appliance.supervisor.launcher.client import ChildrenClient
from tests.integration.support_ports import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE = 30.0


def gone(pid, within=PATIENCE):
    """Wait until process ``pid`` has ended; False when it still runs after ``within`` seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within)[0])
    finally:
        os.close(descriptor)


def group_of(pid):
    """All processes of the process group ``pid``."""
    members = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[2]) == pid:
                members.append(int(entry.name))
    return members


class School:
    """Settings, a launcher over them, and what it tells."""

    def __init__(self, identity, watchdog="2 s"):
        self.folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.process = None
        self._rest = b""
        self.write("server", f"identity: {identity}\nlauncher: children\nwatchdog: {watchdog}\n")

    def write(self, name, more=""):
        etc = self.folder / "etc"
        etc.mkdir(exist_ok=True)
        places = "\n".join(f"{key}: {self.folder}/{key}" for key in ("state", "runtime", "data"))
        etc.joinpath("server.yaml").write_text(f"{places}\n{more}")
        etc.joinpath("network.yaml").write_text(f"listen:\n  submission: 127.0.0.1:{self.port}\n")

    @property
    def runtime(self):
        return self.folder / "runtime"

    def start(self):
        argv = ["/usr/bin/python3", str(HERE / "start.py"), str(self.folder / "etc")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return self

    def until(self, true, within=PATIENCE):
        """Wait until ``true(units)`` holds of what the launcher told; the units."""
        deadline = time.monotonic() + within
        output = self.process.stdout.fileno()
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                units = json.loads(line)
                if true(units):
                    return units
                continue
            readable = select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]
            data = os.read(output, 65536) if readable else b""
            if not data:
                raise AssertionError(f"not reached; {self.logs()}")
            self._rest += data

    def all_ready(self, within=PATIENCE):
        return self.until(lambda units: all(one[0] == "ready" for one in units.values()), within)

    def client(self):
        return ChildrenClient(self.runtime / "launcher" / "launcher.sock")

    def state(self, name):
        return next(one for one in self.client().states() if one.name == name)

    def ask(self, words=b"hello\n", timeout=10.0):
        """One exchange with the echo server on the TCP port: its parent's pid, its ids, the words."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            connection.sendall(words)
            return connection.makefile("rb").readline().decode().split()

    def logs(self):
        return {path.name: path.read_text() for path in self.folder.glob("state/log/*.log")}

    def stop(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            _, error = self.process.communicate(timeout=PATIENCE)
            return self.process.returncode, error.decode()
        return None

    def stop_when_ended(self):
        """Wait for a launcher that ends by itself: exit code and what it said."""
        _, error = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, error.decode()

    def close(self):
        try:
            self.stop()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.folder)


@pytest.fixture
def identity():
    return "numbers" if os.geteuid() == 0 else "same"


@pytest.fixture
def school(identity):
    made = School(identity)
    yield made
    made.close()


@pytest.fixture
def running(school):
    school.start()
    school.all_ready()
    return school
