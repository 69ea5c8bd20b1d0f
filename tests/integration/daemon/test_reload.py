"""A reload that is waited for, as systemctl does it: the real program asks a real daemon."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.daemon.reload_line import Askers

ROOT = Path(__file__).resolve().parents[3]
BOTH = pytest.mark.parametrize("kind", ["asyncio", "twisted"])


class Asking:
    """``schoolserver-reload PID`` under way."""

    def __init__(self, pid, **options):
        argv = [sys.executable, "-P", "-m", "appliance.daemon.reload", str(pid)]
        environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True, **options)

    def end(self):
        """Its exit code and what it said."""
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


def ask(daemon, **options):
    return Asking(daemon.process.pid, **options).end()


@BOTH
def test_when_it_returns_the_new_settings_count_and_sessions_live_on(greeter, kind):
    daemon = greeter(kind=kind).start()
    daemon.wait_for("READY=1")
    before = set(daemon.workers())
    connection, lines = daemon.connect()
    with connection, lines:
        assert lines.readline().endswith(" hello\n")
        daemon.set(greeting="moin")
        assert ask(daemon) == (0, "")
        assert {daemon.greet()[1] for _ in range(10)} == {"moin"}
        connection.sendall(b"still here\n")
        assert lines.readline() == "still here\n"
    assert set(daemon.workers()) == before
    daemon.wait_for("RELOADING=1")
    daemon.wait_for("READY=1")


def test_wrong_settings_fail_with_every_problem_and_the_service_goes_on(greeter):
    daemon = greeter().start()
    daemon.wait_for("READY=1")
    daemon.set(greeting="1 2 3", workers="many")
    code, said = ask(daemon)
    assert code == 1
    assert "greeting:1: greeting: found '1 2 3'; allowed: letters" in said
    assert "workers:1: workers: found 'many'; allowed: a number" in said
    assert daemon.greet()[1] == "hello"
    daemon.set(greeting="servus", workers="2")
    assert ask(daemon) == (0, "")
    assert daemon.greet()[1] == "servus"


@BOTH
def test_a_service_that_cannot_take_them_fails_the_reload_and_says_who(greeter, kind):
    daemon = greeter(kind=kind).start()
    daemon.wait_for("READY=1")
    daemon.set(greeting="crash")
    code, said = ask(daemon)
    assert code == 1
    assert said.startswith("worker 0: ZeroDivisionError")
    assert "worker 1: ZeroDivisionError" in said
    assert "mustermann" not in said + daemon.log.read_text()
    assert "not all of the new settings are in force" in daemon.wait_for("READY=1")
    daemon.set(greeting="moin")
    assert ask(daemon) == (0, "")
    assert "not all" not in daemon.wait_for("READY=1")


@BOTH
def test_it_waits_for_a_slow_service_and_who_asks_meanwhile_gets_a_reload_of_his_own(greeter, kind):
    daemon = greeter(kind=kind, workers=1).start()
    daemon.wait_for("READY=1")
    connection, lines = daemon.connect()
    with connection, lines:
        lines.readline()
        daemon.set(greeting="slow")
        first = Asking(daemon.process.pid)
        daemon.wait_for("going over")
        daemon.set(greeting="servus")
        second = Asking(daemon.process.pid)
        assert daemon.greet()[1] == "hello"
        assert first.process.poll() is None
        connection.sendall(b"go\n")
        assert first.end() == second.end() == (0, "")
    assert daemon.greet()[1] == "servus"


@BOTH
def test_a_worker_that_dies_of_it_comes_back_with_the_new_settings(greeter, kind):
    daemon = greeter(kind=kind, workers=2).start()
    daemon.wait_for("READY=1")
    daemon.set(greeting="die")
    assert ask(daemon) == (0, "")
    assert {daemon.greet()[1] for _ in range(10)} == {"die"}


def test_a_daemon_that_is_stopped_meanwhile_says_so(greeter):
    daemon = greeter(workers=1).start()
    daemon.wait_for("READY=1")
    daemon.set(greeting="slow")
    asking = Asking(daemon.process.pid)
    daemon.wait_for("going over")
    assert daemon.end() == 0
    assert asking.end() == (1, "it is being stopped\n")


def test_what_is_no_daemon_takes_none():
    asking = Asking(os.getpid())
    code, said = asking.end()
    assert code == 1
    assert said == f"process {os.getpid()} takes no reload\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_another_user_may_not_ask(greeter):
    daemon = greeter().start()
    daemon.wait_for("READY=1")
    daemon.set(greeting="moin")
    code, said = ask(daemon, user=65534, group=65534, extra_groups=[])
    assert code == 1
    assert "refused" in said
    assert daemon.greet()[1] == "hello"
    assert not any("RELOADING=1" in one for one in daemon.said)


def test_a_name_that_is_taken_closes_this_way_only():
    first = Askers()
    assert first.open
    second = Askers()
    assert not second.open
    first.close()


def _begun(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_an_answer_counts_only_from_the_process_that_was_asked():
    """Somebody else who took the name of a process that takes no reload cannot answer for it."""
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other,
        socket.socket(socket.AF_UNIX) as liar,
    ):
        liar.bind(f"\0schoolserver-reload/{other.pid}/{_begun(other.pid)}")
        liar.listen()
        code, said = Asking(other.pid).end()
        other.communicate(b"\n")
    assert code == 1
    assert f"process {other.pid} takes no reload" in said


def test_a_crowd_of_askers_is_taken_in_and_answered_together():
    askers = Askers()
    address = f"\0schoolserver-reload/{os.getpid()}/{_begun(os.getpid())}"
    crowd = []
    try:
        for _ in range(16):
            one = socket.socket(socket.AF_UNIX)
            crowd.append(one)
            one.connect(address)
        assert askers.come()
        assert len(askers.leave()) == 16
        assert not askers.come()
    finally:
        askers.close()
        for one in crowd:
            one.close()
