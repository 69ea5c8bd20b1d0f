"""Setup cut short at every kind of moment, as by a power cut: nothing is half there, and the next run completes it."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.daemon.tls import server_context
from appliance.settings.check import check
from appliance.settings.load import load
from tests.integration.setup.conftest import Installed
from tests.integration.setup.machine import ROOT

TLS = ("mail", "imap", "autoconfig", "proxy", "fileshare")
EVENTS = ("os.rename", "os.mkdir", "os.symlink", "os.chown", "os.remove", "subprocess.Popen", "open", "machine.enable")
STEPS = 9


def whole(machine):
    """What must hold at any moment: settings that can be read, pairs that fit, nothing that may start unfinished."""
    assert check(machine.places.settings) == ()
    settings = load(machine.places.settings)
    folders = [settings.server.state / part / "tls" for part in TLS]
    for folder in folders:
        if (folder / "cert.pem").exists() and (folder / "key.pem").exists():
            server_context(folder)
    if machine.places.marker.exists():
        assert settings.school.domain == "see.example"
        assert all((folder / "cert.pem").exists() for folder in folders)
        assert (machine.memory / "schoolserver.target.is-enabled").exists()


def completed(machine):
    """Run it again to its end; it is the same end as that of a setup that nobody disturbed."""
    done = machine.answered()
    assert done.returncode == 0, done.stderr
    whole(machine)
    assert machine.places.marker.exists()
    assert not machine.places.under_way.exists()
    assert not list(machine.top.rglob(".*.new"))
    assert "Nothing changes: everything is as it should be already." in machine.answered("--dry-run").stdout


def moments():
    """A few moments of each kind out of all there are, by a seed that changes the choice only when it is changed."""
    choice = random.Random(20261121)
    for event in EVENTS:
        yield from (
            (event, number)
            for number in sorted(choice.sample(range(1, 25 if "." not in event or event.startswith("os.") else 3), 2))
        )


@pytest.mark.parametrize(("event", "number"), moments())
def test_cut_at_a_system_call_and_run_again(machine, event, number):
    done = machine.answered(cut=(event, number))
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    whole(machine)
    completed(machine)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_killed_from_outside_at_each_step_and_run_again(machine, step):
    """The line of a step comes through a pipe; whoever reads it kills at once, wherever in the step that is."""
    program = Path(__file__).with_name("machine.py")
    argv = [sys.executable, str(program), str(machine.top), "--", "--answers", str(machine.answers)]
    started = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    with started:
        for line in started.stdout:
            if line.startswith(f"Step {step} of {STEPS}:"):
                started.kill()
                break
        else:
            raise AssertionError("that step never came")
    assert started.returncode in (0, -signal.SIGKILL)
    whole(machine)
    completed(machine)


def test_cut_again_and_again_it_still_comes_to_its_end(machine):
    for number in range(1, 12):
        machine.answered(cut=("os.rename", number))
        whole(machine)
    completed(machine)


def test_a_server_that_was_set_up_learns_of_what_a_cut_hid_from_it(machine):
    """Killed after the files and before the units were told: the next run tells them, though no file changes."""
    machine.answered()
    (machine.memory / "schoolserver-mail.service.is-active").touch()
    machine.answers.write_text(machine.answers.read_text().replace("10.1.0.2", "10.1.0.3"))
    network = machine.places.settings / "network.yaml"
    imap = load(machine.places.settings).network.listen["imap"]
    network.write_text(network.read_text().replace(f"imap: {imap}", "imap: 127.0.0.1:1143"))
    assert machine.answered(cut=("machine.start", 1)).returncode == -signal.SIGKILL
    told = machine.answered()
    assert "Nothing changes: everything is as it should be already." in told.stdout
    stopped, _, _, started, restarted = machine.log_lines()[-5:]
    assert stopped.startswith("stop ")
    assert "schoolserver-imap.service schoolserver-imap.socket" in stopped
    assert "schoolserver-mail.service" in stopped, "it starts anew, with the new certificate"
    assert (started, restarted) == ("start schoolserver.target", "restart schoolserver-supervisor.service")


def test_ctrl_c_says_how_to_go_on(machine):
    done = machine.answered(broken=("machine.enable", 1))
    assert done.returncode == 130
    assert "Run schoolserver setup again: it goes on from here." in done.stderr
    completed(machine)


@pytest.mark.parametrize("size", [10, 60, 200, 900])
def test_a_disk_that_takes_no_more_leaves_whole_files(machine, size):
    """The kernel refuses each write beyond ``size`` bytes of a file, as a full disk does."""
    limit = f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
    program = Path(__file__).with_name("machine.py")
    argv = [
        sys.executable,
        "-B",
        "-c",
        f"{limit}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')",
    ]
    done = subprocess.run(
        [*argv, str(program), str(machine.top), "--", "--answers", str(machine.answers)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    whole(machine)
    completed(machine)


def test_two_at_once_are_told_apart():
    machine = Installed()
    try:
        import fcntl

        handle = os.open(machine.places.settings, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = machine.answered()
        os.close(handle)
        assert done.returncode == 1
        assert "another setup is under way on this machine" in done.stderr
    finally:
        machine.end()
