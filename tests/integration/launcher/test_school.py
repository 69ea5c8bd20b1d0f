"""Every real unit of a school is killed while clients connect to every door: none is refused, all come back."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from appliance.daemon import authority
from appliance.daemon.identities import Identities
from appliance.settings.load import load
from appliance.supervisor.launcher.client import ChildrenClient

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("slapd", "dovecot")), reason="needs the engines"
)


LISTENERS = ("submission", "imap", "ldap", "ftp", "proxy", "proxy-tls")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class School:
    """All units, as the launcher's own command starts them."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.folder.chmod(0o755)
        etc = self.folder / "etc"
        etc.mkdir()
        identity = "numbers" if os.geteuid() == 0 else "same"
        places = "".join(f"{key}: {self.folder}/{key}\n" for key in ("state", "runtime", "data"))
        etc.joinpath("server.yaml").write_text(f"{places}identity: {identity}\nlauncher: children\naudit_log: plain\n")
        etc.joinpath("directory.yaml").write_text("argon2_memory: 1 MiB\nargon2_time: 1\n")
        ports = "".join(f"  {name}: 127.0.0.1:{free_port()}\n" for name in LISTENERS)
        etc.joinpath("network.yaml").write_text(f"listen:\n{ports}")
        self.settings = load(etc)
        made = authority.ensure_authority(self.folder / "state" / "authority", self.settings.school.domain)
        for service in ("mail", "imap", "fileshare", "proxy"):
            owner = Identities(self.settings.server).of(service)
            authority.issue(made, self.folder / "state" / service / "tls", ["localhost"], (owner.uid, owner.gid))
        argv = ["/usr/bin/python3", "-m", "appliance.supervisor.launcher", "--settings", str(etc)]
        self.process = subprocess.Popen(
            argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=self.folder.joinpath("log").open("wb")
        )
        self.client = ChildrenClient(self.folder / "runtime" / "launcher" / "launcher.sock")

    def states(self):
        return {one.name: one for one in self.client.states()}

    def until(self, true):
        deadline, pause = time.monotonic() + PATIENCE, threading.Event()
        while True:
            try:
                if true(self.states()):
                    return
            except Exception:
                if self.process.poll() is not None:
                    raise
            assert time.monotonic() < deadline, self.logs()
            pause.wait(0.05)

    def logs(self):
        return {path.name: path.read_text()[-2000:] for path in [self.folder / "log", *self.folder.glob("state/log/*")]}

    def close(self):
        try:
            self.client.close()
            self.process.terminate()
            self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def school():
    made = School()
    try:
        made.until(lambda states: all(one.healthy for one in states.values()))
        yield made
    finally:
        made.close()
        shutil.rmtree(made.folder)


class Knocking(threading.Thread):
    """Connects to every door again and again."""

    def __init__(self, school):
        super().__init__()
        runtime = school.settings.server.runtime
        self.doors = [(address.host, address.port) for address in school.settings.network.listen.values()]
        self.local = [runtime / "auth" / "auth.sock", runtime / "control" / "control.sock"]
        self.local += [runtime / "audit" / "query.sock", runtime / "privileged" / "privileged.sock"]
        self.ending, self.refused, self.count = threading.Event(), [], 0

    def run(self):
        while not self.ending.wait(0.02):
            for door in self.doors:
                self.knock(socket.AF_INET, door)
            for path in self.local:
                self.knock(socket.AF_UNIX, str(path))

    def knock(self, family, address):
        self.count += 1
        with socket.socket(family) as door:
            door.settimeout(20)
            try:
                door.connect(address)
            except OSError as error:
                self.refused.append((address, error))


def processes_below(folder):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = entry.joinpath("cmdline").read_bytes() + entry.joinpath("environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in line:
                found.append((int(entry.name), line[:200]))
    return found


def test_kill_of_each_unit_refuses_nobody_and_stop_leaves_nothing(school):
    knocking = Knocking(school)
    knocking.start()
    try:
        for name, unit in school.states().items():
            os.kill(unit.pid, signal.SIGKILL)
            school.until(lambda states, name=name, pid=unit.pid: states[name].healthy and states[name].pid != pid)
        school.until(lambda states: all(one.healthy for one in states.values()))
    finally:
        knocking.ending.set()
        knocking.join()
    assert knocking.refused == []
    assert knocking.count > 100
    assert {name: one.restarts for name, one in school.states().items()} == dict.fromkeys(school.states(), 1)
    with socket.create_connection(tuple(knocking.doors[0]), 20) as mail:
        assert mail.recv(100).startswith(b"220 ")
    school.close()
    assert processes_below(school.folder) == []
    assert [path for path in school.folder.rglob("*") if path.is_socket()] == []


def test_launcher_killed_leaves_no_process(school):
    school.process.kill()
    school.process.wait()
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while left := processes_below(school.folder):
        assert time.monotonic() < deadline, left
        pause.wait(0.05)
