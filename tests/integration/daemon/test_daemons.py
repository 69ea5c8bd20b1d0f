"""Real daemons with forked workers on real sockets, started as systemd starts them."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).parent / "programs" / "greeter.py"
BOTH = pytest.mark.parametrize("kind", ["asyncio", "twisted"])


def open_files(pid):
    """What the descriptors above 2 of a process are."""
    folder = Path(f"/proc/{pid}/fd")
    return [os.readlink(one) for one in folder.iterdir() if int(one.name) > 2]


@BOTH
def test_ready_serves_and_ends_with_0(greeter, wait_gone, kind):
    daemon = greeter(kind=kind).start()
    assert "STATUS=worker 0: greeting; worker 1: greeting" in daemon.wait_for("READY=1")
    assert len(daemon.workers()) == 2
    pid, greeting = daemon.greet()
    assert pid in daemon.workers()
    assert greeting == "hello"
    daemon.wait_for("WATCHDOG=1")
    workers = daemon.workers()
    assert daemon.end() == 0
    daemon.wait_for("STOPPING=1")
    for worker in workers:
        wait_gone(worker)
    assert "error" not in daemon.log.read_text()


@BOTH
def test_a_killed_worker_comes_back_and_no_connection_is_refused(greeter, kind):
    daemon = greeter(kind=kind, workers=2).start()
    daemon.wait_for("READY=1")
    for victim in daemon.workers():
        os.kill(victim, signal.SIGKILL)
    answered = 0
    deadline = time.monotonic() + 15
    while answered < 20 and time.monotonic() < deadline:  # connecting itself must never fail
        try:
            daemon.greet()
        except ConnectionResetError:  # accepted by a worker at the very moment it died
            continue
        answered += 1
    assert answered == 20
    daemon.wait_for("READY=1")
    assert len(daemon.workers()) == 2
    assert "worker 0 ended (-9)" in daemon.log.read_text()


def test_a_worker_that_dies_again_and_again_is_restarted_more_and_more_slowly(greeter):
    daemon = greeter(workers=1).start()
    daemon.wait_for("READY=1")
    for _ in range(3):
        connection, lines = daemon.connect()
        with connection, lines:
            assert lines.readline()
            connection.sendall(b"die\n")
            assert lines.readline() == ""
        daemon.wait_for("is being restarted")
        daemon.wait_for("READY=1")
    log = daemon.log.read_text()
    assert "ended (3)" in log
    for delay in ("again in 0.1 s", "again in 0.2 s", "again in 0.4 s"):
        assert delay in log


def test_a_stopped_worker_is_named_and_ended_alone(greeter, wait_gone):
    daemon = greeter(watchdog=2.0).start()
    daemon.wait_for("READY=1")
    other, victim = daemon.workers()
    os.kill(victim, signal.SIGSTOP)
    assert f"(pid {victim}) does not answer" in daemon.wait_for("does not answer")
    daemon.wait_for("WATCHDOG=1")  # the other one answers
    wait_gone(victim)
    daemon.wait_for("READY=1")
    assert other in daemon.workers()
    assert victim not in daemon.workers()


def test_when_nobody_answers_the_watchdog_is_not_fed(greeter):
    daemon = greeter(watchdog=2.0).start()
    daemon.wait_for("READY=1")
    daemon.wait_for("WATCHDOG=1")
    workers = daemon.workers()
    for each in workers:
        os.kill(each, signal.SIGSTOP)
    words = ""
    while not all(f"(pid {each}) does not answer" in words for each in workers):
        words = daemon.wait_for("does not answer")
    with pytest.raises(AssertionError, match="no 'WATCHDOG=1'"):
        daemon.wait_for("WATCHDOG=1", deadline=3.0)
    assert daemon.workers() == workers
    for each in workers:
        os.kill(each, signal.SIGCONT)
    daemon.wait_for("STATUS=worker 0: greeting; worker 1: greeting")
    daemon.wait_for("WATCHDOG=1")


@BOTH
def test_reload_with_good_settings(greeter, kind):
    daemon = greeter(kind=kind).start()
    daemon.wait_for("READY=1")
    before = set(daemon.workers())
    daemon.set(greeting="moin")
    daemon.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC" in daemon.wait_for("RELOADING=1")
    daemon.wait_for("READY=1")
    assert {daemon.greet()[1] for _ in range(10)} == {"moin"}
    assert set(daemon.workers()) == before


def test_reload_with_wrong_settings_keeps_the_running_ones_and_says_all_problems(greeter):
    daemon = greeter().start()
    daemon.wait_for("READY=1")
    daemon.set(greeting="1 2 3", workers="many")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("RELOADING=1")
    assert "the former ones stay" in daemon.wait_for("READY=1")
    assert {daemon.greet()[1] for _ in range(5)} == {"hello"}
    log = daemon.log.read_text()
    assert "greeting:1: greeting: found '1 2 3'; allowed: letters" in log
    assert "workers:1: workers: found 'many'; allowed: a number" in log
    os.kill(daemon.workers()[0], signal.SIGKILL)  # a worker that starts now has the former ones too
    daemon.wait_for("READY=1")
    assert {daemon.greet()[1] for _ in range(10)} == {"hello"}
    daemon.set(greeting="servus", workers="2")
    daemon.process.send_signal(signal.SIGHUP)
    assert "former" not in daemon.wait_for("READY=1")
    assert daemon.greet()[1] == "servus"


@BOTH
def test_sigterm_drains(greeter, kind):
    daemon = greeter(kind=kind, workers=1).start()
    daemon.wait_for("READY=1")
    connection, lines = daemon.connect()
    with connection, lines:
        lines.readline()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("STOPPING=1")
        connection.sendall(b"still here\n")
        assert lines.readline() == "still here\n"
        assert daemon.process.poll() is None
    assert daemon.process.wait(10) == 0


def test_what_does_not_drain_in_time_is_killed(greeter):
    daemon = greeter(workers=1, drain=0.5).start()
    daemon.wait_for("READY=1")
    connection, lines = daemon.connect()
    with connection, lines:
        lines.readline()
        assert daemon.end() == 0
        assert "did not end within 0.5 s" in daemon.log.read_text()


@BOTH
def test_sigterm_while_a_worker_is_still_starting(greeter, kind):
    daemon = greeter(kind=kind).start()
    daemon.wait_for("starting")
    assert daemon.end() == 0


def test_a_restart_refuses_nobody(greeter):
    daemon = greeter(workers=1).start()
    daemon.wait_for("READY=1")
    assert daemon.end() == 0
    with socket.create_connection(daemon.listener.getsockname(), timeout=20) as waiting:
        daemon.start()
        assert waiting.recv(100).endswith(b" hello\n")


def test_workers_die_with_the_parent_even_stopped_ones(greeter, wait_gone):
    daemon = greeter().start()
    daemon.wait_for("READY=1")
    workers = daemon.workers()
    os.kill(workers[0], signal.SIGSTOP)
    daemon.process.kill()
    daemon.process.wait(10)
    for worker in workers:
        wait_gone(worker)


def test_wrong_settings_are_printed_in_full_and_exit_2(greeter):
    daemon = greeter()
    daemon.set(greeting="1", workers="x")
    daemon.start()
    assert daemon.process.wait(10) == 2
    log = daemon.log.read_text()
    assert "greeting:1:" in log
    assert "workers:1:" in log


def test_the_parent_has_one_thread_and_no_loop(greeter):
    daemon = greeter(kind="twisted").start()
    daemon.wait_for("READY=1")
    assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) == 1
    with open(f"/proc/{daemon.process.pid}/maps") as maps:
        assert "_asyncio" not in maps.read()
    assert not any("eventpoll" in target for target in open_files(daemon.process.pid))


def test_no_worker_inherits_what_belongs_to_the_parent(greeter):
    daemon = greeter(workers=3).start()
    daemon.wait_for("READY=1")
    files = [target for worker in daemon.workers() for target in open_files(worker)]
    pipes = [target for target in files if target.startswith("pipe:")]
    assert len(pipes) == len(set(pipes)) == 3  # each its own line to the parent, nothing else


@BOTH
def test_sigterm_and_sighup_while_the_service_starts(greeter, kind):
    daemon = greeter(kind=kind, workers=1)
    daemon.set(greeting="never")
    daemon.start()
    daemon.wait_for("waiting for ever")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("RELOADING=1")
    assert daemon.end() == 0
    assert not any("READY=1" in said for said in daemon.said)
    assert "killed" not in daemon.log.read_text()


@BOTH
def test_a_service_that_cannot_take_new_settings_goes_on(greeter, kind):
    daemon = greeter(kind=kind, workers=1).start()
    daemon.wait_for("READY=1")
    daemon.set(greeting="crash")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("RELOADING=1")
    daemon.wait_for("READY=1")
    assert daemon.greet()[1] == "hello"
    log = daemon.log.read_text()
    assert "to the new settings: ZeroDivisionError" in log
    assert "mustermann" not in log


@BOTH
def test_a_service_that_cannot_start_says_why_and_is_tried_again(greeter, kind):
    daemon = greeter(kind=kind, workers=1, NAME="missing").start()
    daemon.wait_for("is being restarted")
    daemon.wait_for("is being restarted")
    assert daemon.end() == 0
    assert "no listening socket named 'missing' was handed in; there are: greet" in daemon.log.read_text()


def test_listeners_that_contradict_each_other(greeter):
    daemon = greeter(LISTEN_FDNAMES="a:b").start()
    assert daemon.process.wait(10) == 1
    assert "hands in 1 sockets, LISTEN_FDNAMES names 2" in daemon.log.read_text()


def test_a_descriptor_that_is_no_socket(greeter):
    daemon = greeter(LISTEN_FDS="2", LISTEN_FDNAMES="greet:other").start()
    assert daemon.process.wait(10) == 1
    assert "(other) is not a socket" in daemon.log.read_text()


def test_a_worker_whose_credentials_changed_ends_with_the_parent_too(greeter, wait_gone):
    daemon = greeter(workers=1, FORGET="yes").start()  # the kernel forgets PR_SET_PDEATHSIG then
    daemon.wait_for("READY=1")
    (worker,) = daemon.workers()
    daemon.process.kill()
    daemon.process.wait(10)
    wait_gone(worker)


def test_help():
    done = subprocess.run(
        ["/usr/bin/python3", str(PROGRAM), "asyncio", "--help"],
        env={"PYTHONPATH": str(ROOT), "DRAIN": "1"},
        capture_output=True,
    )
    assert done.returncode == 0
    assert b"--settings DIR" in done.stdout
