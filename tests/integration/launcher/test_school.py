"""Every real unit of a school is killed while clients connect to every door: none is refused, all come back."""

import os
import shutil
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.support_place import LISTENERS, Place, placed

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("slapd", "dovecot")), reason="needs the engines"
)


@pytest.fixture
def school():
    """All units, as the launcher's own command starts them."""
    with placed(Place, {"directory": {"argon2_memory": "1 MiB", "argon2_time": 1}}) as made:
        made.start()
        yield made


class Knocking(threading.Thread):
    """Connects to every door again and again."""

    def __init__(self, school):
        super().__init__()
        runtime = school.runtime
        self.doors = [school.address(name) for name in LISTENERS]
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
    school.stop()
    assert processes_below(school.folder) == []
    assert [path for path in school.folder.rglob("*") if path.is_socket()] == []


def test_launcher_killed_leaves_no_process(school):
    school.process.kill()
    school.process.wait()
    eventually(lambda: not processes_below(school.folder))
