"""The launcher with real processes: they are killed, stopped and hung, and no client is ever refused."""

import os
import random
import signal
import socket
import threading
from pathlib import Path

import pytest

from appliance.daemon.request_client import RequestRefused
from appliance.supervisor.launcher.seam import State

ROOT = os.geteuid() == 0


def load_helpers(school):
    """The helpers of conftest, without importing it by name."""
    import sys

    return sys.modules[type(school).__module__]


class Crowd(threading.Thread):
    """Connects without a pause and counts what happens."""

    def __init__(self, school):
        super().__init__()
        self.school, self.ending = school, threading.Event()
        self.answered, self.cut, self.refused = 0, 0, []

    def run(self):
        while not self.ending.is_set():
            try:
                connection = socket.create_connection(("127.0.0.1", self.school.port), 20)
            except OSError as error:
                self.refused.append(error)
                continue
            with connection:
                try:
                    connection.sendall(b"hello\n")
                    answer = connection.makefile("rb").readline()
                except ConnectionError:
                    answer = b""
                if answer:
                    self.answered += 1
                else:
                    self.cut += 1


def test_units_get_their_sockets_users_and_environment(running):
    parent, uid, gid, words = running.ask()
    unit = running.state("mail")
    assert (int(parent), words, unit.state, unit.status) == (unit.pid, "hello", State.READY, "echoing")
    expected = (60800 + 6, 60800 + 6) if ROOT else (os.geteuid(), os.getegid())
    assert (int(uid), int(gid)) == expected
    status = Path(f"/proc/{unit.pid}/status").read_text()
    if ROOT:
        assert "Groups:\t60800 \n" in status
    assert os.getpgid(unit.pid) == unit.pid
    environment = Path(f"/proc/{unit.pid}/environ").read_bytes().decode().split("\0")
    names = {entry.partition("=")[0] for entry in environment if entry} - {"PYTHONDONTWRITEBYTECODE"}
    assert names == {
        *("PATH", "LANG", "HOME", "PYTHONPATH", "SCHOOLSERVER_SETTINGS", "NOTIFY_SOCKET"),
        *("LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_USEC", "WATCHDOG_PID"),
    }
    assert {f"LISTEN_PID={unit.pid}", "LISTEN_FDNAMES=submission", "LISTEN_FDS=1"} <= set(environment)
    limits = Path(f"/proc/{unit.pid}/limits").read_text().splitlines()
    assert next(line for line in limits if line.startswith("Max core file size")).split()[4] == "0"
    inherited = {int(one.name) for one in Path(f"/proc/{unit.pid}/fd").iterdir()}
    assert {0, 1, 2, 3} <= inherited


def test_preparation_runs_before_and_as_the_caller(running):
    assert int(running.folder.joinpath("state/prepared").read_text()) == os.geteuid()


def test_those_who_wait_start_after_those_they_wait_for(school):
    school.start()
    units = school.until(lambda units: units["mail"][0] == "starting")
    assert units["auth"][0] == "ready"
    school.all_ready()


def test_killed_at_random_while_clients_connect_none_is_refused(running):
    crowd = Crowd(running)
    crowd.start()
    chance = random.Random(2)
    kills = dict.fromkeys(("mail", "auth", "directory"), 0)
    try:
        for name in ["mail", *chance.choices(list(kills), k=5)]:
            pid = running.state(name).pid
            os.kill(pid, signal.SIGKILL)
            kills[name] += 1
            running.until(lambda units, name=name, count=kills[name]: units[name][2] == count and ready(units))
    finally:
        crowd.ending.set()
        crowd.join()
    assert crowd.refused == []
    assert crowd.answered > 0
    assert crowd.cut <= 2 * kills["mail"]
    assert {one.name: one.restarts for one in running.client().states()} == kills
    assert running.ask()[3] == "hello"


def ready(units):
    return all(one[0] == "ready" for one in units.values())


def test_a_hung_worker_ends_its_unit_and_leaves_no_orphan(running):
    helpers = load_helpers(running)
    unit = running.state("mail")
    workers = [pid for pid in helpers.group_of(unit.pid) if pid != unit.pid]
    assert len(workers) == 1
    os.kill(workers[0], signal.SIGSTOP)
    units = running.until(lambda units: units["mail"][2] == 1 and ready(units), 15)
    assert units["mail"][1] != unit.pid
    assert helpers.gone(workers[0])
    assert running.ask()[3] == "hello"


def test_a_stopped_unit_is_killed_after_the_watchdog(running):
    helpers = load_helpers(running)
    unit = running.state("auth")
    members = helpers.group_of(unit.pid)
    os.kill(unit.pid, signal.SIGSTOP)
    units = running.until(lambda units: units["auth"][0] == "failing", 15)
    assert units["auth"][3] == "no sign of life for 2 s"
    running.until(lambda units: units["auth"][2] == 1 and ready(units))
    assert all(helpers.gone(pid) for pid in members)


def test_restart_is_asked_over_the_socket(running):
    before = running.state("mail").pid
    running.client().restart("mail")
    units = running.until(lambda units: units["mail"][2] == 1 and ready(units))
    assert units["mail"][1] != before


def test_an_engine_that_ignores_sigterm_is_killed_with_its_children(running):
    helpers = load_helpers(running)
    before = running.state("directory").pid
    child = int(running.logs()["directory.log"])
    running.client().restart("directory")
    running.until(lambda units: units["directory"][2] == 1 and ready(units))
    assert helpers.gone(before)
    assert helpers.gone(child)


def test_reload_and_its_refusals(running):
    client = running.client()
    running.folder.joinpath("etc/school.yaml").write_text("name: Neue Schule\n")
    client.reload("mail")
    assert running.state("mail").status == "reloaded Neue Schule"  # when it returns, they count
    assert running.state("mail").restarts == 0
    running.folder.joinpath("etc/school.yaml").write_text("nome: Falsche Schule\nzone: Atlantis\n")
    with pytest.raises(RequestRefused) as caught:
        client.reload("mail")
    assert caught.value.kind == "reload-refused"
    assert "school.yaml:1: nome" in caught.value.text
    assert "school.yaml:2: zone" in caught.value.text
    assert running.state("mail").state is State.READY
    assert "the former ones stay" in running.state("mail").status
    with pytest.raises(RequestRefused, match="cannot be reloaded"):
        client.reload("directory")
    for verb in (client.reload, client.restart):
        with pytest.raises(RequestRefused, match="no such unit"):
            verb("nobody")


def test_nonsense_on_the_socket_does_no_harm(running):
    path = str(running.runtime / "launcher" / "launcher.sock")
    for line, kind in [
        (b"nonsense\n", b"bad-request"),
        (b"x" * 5000 + b"\n", b"too-long"),
        (b'{"id":1,"verb":"destroy","arguments":{}}\n', b"unknown-verb"),
        (b'{"id":1,"verb":"restart","arguments":{"name":7}}\n', b"bad-argument"),
        (b'{"id":1,"verb":"restart","arguments":{}}\n', b"bad-argument"),
    ]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(path)
            connection.sendall(line)
            assert kind in connection.recv(65536)
    assert all(one.healthy for one in running.client().states())


def test_ready_of_a_stranger_is_not_believed(running):
    pid = running.state("mail").pid
    os.kill(pid, signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.connect(str(running.runtime / "launcher" / "mail.notify"))
        ending = threading.Event()
        seen = running.until
        for _ in range(20):
            stranger.send(b"WATCHDOG=1\nSTATUS=all is well")
            ending.wait(0.1)
        units = seen(lambda units: units["mail"][0] == "failing", 15)
    assert units["mail"][3] == "no sign of life for 2 s"


@pytest.mark.skipif(not ROOT, reason="only root can take on another user")
def test_the_socket_is_not_open_to_other_users(running):
    path = str(running.runtime / "launcher" / "launcher.sock")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([60802])  # the supervisor's group may connect, but only its user may ask
            os.setresgid(60899, 60899, 60899)
            os.setresuid(60899, 60899, 60899)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.sendall(b'{"id":1,"verb":"restart","arguments":{"name":"mail"}}\n')
                os.write(writing, connection.recv(4096))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert b"not-allowed" in answer.read()
    os.waitpid(pid, 0)
    assert running.state("mail").restarts == 0


def test_sigterm_leaves_no_process_and_no_socket(running):
    helpers = load_helpers(running)
    pids = [pid for one in running.client().states() for pid in helpers.group_of(one.pid)]
    code, error = running.stop()
    assert code == 0, error
    assert all(helpers.gone(pid, 0) for pid in pids)
    assert [path for path in running.folder.rglob("*") if path.is_socket()] == []
    assert list(running.runtime.iterdir()) == []


def test_those_who_wait_end_before_those_they_wait_for(running):
    _, error = running.stop()
    ended = [line for line in error.splitlines() if "has ended" in line]
    assert [line.split()[1] for line in ended].index("mail") < [line.split()[1] for line in ended].index("auth")


def test_a_second_signal_ends_everything_at_once(running):
    running.process.send_signal(signal.SIGINT)
    running.until(lambda units: units["directory"][0] == "stopping")
    running.process.send_signal(signal.SIGINT)
    code, _ = running.stop_when_ended()
    assert code == 0


def test_launcher_killed_leaves_no_child_and_the_next_one_starts(running):
    helpers = load_helpers(running)
    pids = [pid for one in running.client().states() for pid in helpers.group_of(one.pid)]
    engine = running.state("directory").pid
    running.process.kill()
    running.process.communicate()
    grandchild = int(running.logs()["directory.log"])
    assert all(helpers.gone(pid) for pid in pids if pid != grandchild)
    assert helpers.gone(engine)
    os.kill(grandchild, signal.SIGKILL)  # an engine's own children are the engine's business, and sleep has none
    running.start()
    running.all_ready()
    assert running.ask()[3] == "hello"


def test_a_port_in_use_is_named_with_what_to_do_and_nothing_stays(school):
    with socket.socket() as other:
        other.bind(("127.0.0.1", school.port))
        other.listen()
        school.start()
        code, error = school.stop_when_ended()
    assert code == 1
    assert f"unit mail cannot listen on 127.0.0.1:{school.port} (submission): another program has this port" in error
    assert "network.yaml: listen.submission" in error
    assert "Traceback" not in error
    assert list(school.runtime.iterdir()) == []


def test_two_launchers_do_not_share_a_runtime_folder(running):
    second = type(running)("same")
    try:
        for name in ("server.yaml", "network.yaml"):
            second.folder.joinpath("etc", name).write_text(running.folder.joinpath("etc", name).read_text())
        second.start()
        code, error = second.stop_when_ended()
    finally:
        second.close()
    assert code == 1
    assert "another server uses this runtime folder" in error
    assert running.ask()[3] == "hello"
    assert all(one.healthy for one in running.client().states())


@pytest.mark.skipif(not ROOT, reason="an ordinary user runs all units as himself")
def test_a_folder_closed_to_a_unit_is_named(school):
    school.folder.chmod(0o700)
    school.start()
    code, error = school.stop_when_ended()
    assert code == 1
    assert f"the folder {school.folder} is closed to uid" in error


@pytest.mark.skipif(not ROOT, reason="needs files of another user")
def test_folders_full_of_somebody_elses_files_are_not_taken_over(school):
    foreign = school.runtime / "auth"
    state = school.folder / "state" / "log"
    state.mkdir(parents=True)
    state.joinpath("x").write_text("")
    os.chown(state, 12345, 12345)
    school.start()
    code, error = school.stop_when_ended()
    assert code == 1
    assert f"the folder {state} belongs to uid 12345" in error
    assert not foreign.exists()
