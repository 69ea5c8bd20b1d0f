"""The launcher that reads systemd, against the systemd of this machine with units of a moment."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.supervisor.launcher.seam import State
from appliance.supervisor.launcher.systemd import SystemdLauncher, service_of

booted = pytest.mark.skipif(
    not Path("/run/systemd/system").is_dir() or os.geteuid() != 0,
    reason="needs root on a machine booted by systemd",
)


@pytest.fixture
def unit():
    """Make a unit of ours for a moment: its name, and what to start it with."""
    name = f"trial-{os.getpid()}"

    def run(*command, **properties):
        options = [f"--property={key}={value}" for key, value in properties.items()]
        argv = ["systemd-run", "--quiet", f"--unit={service_of(name)}", *options, *command]
        subprocess.run(argv, check=True)
        return name

    yield run
    for verb in ("stop", "reset-failed"):
        subprocess.run(["systemctl", verb, service_of(name)], stderr=subprocess.DEVNULL)


def until(launcher, state):
    deadline = time.monotonic() + 20
    while True:
        (found,) = launcher.states()
        if found.state is state:
            return found
        assert time.monotonic() < deadline, found


@booted
def test_a_unit_lives_is_killed_and_says_so(unit):
    name = unit("/bin/sleep", "1000")
    launcher = SystemdLauncher(["no-such-unit", name], hands=None)
    running = until(launcher, State.READY)  # what is not installed is left out
    assert (running.name, running.restarts) == (name, 0)
    assert Path(f"/proc/{running.pid}/comm").read_text() == "sleep\n"
    os.kill(running.pid, signal.SIGKILL)
    dead = until(launcher, State.STOPPED)
    assert dead.pid is None
    assert "SIGKILL" in dead.status
    assert f"systemctl start {service_of(name)}" in dead.status


@booted
def test_what_systemd_starts_again_is_pausing_and_counted(unit):
    launcher = SystemdLauncher([unit("/bin/sleep", "1000", Restart="always", RestartSec="1")], hands=None)
    first = until(launcher, State.READY)
    os.kill(first.pid, signal.SIGKILL)
    assert until(launcher, State.PAUSING).status == "ended by SIGKILL"
    again = until(launcher, State.READY)
    assert again.restarts == 1
    assert again.pid != first.pid


@booted
def test_wrong_settings_are_named(unit):
    with contextlib.suppress(subprocess.CalledProcessError):
        unit("/bin/sh", "-c", "exit 2", Restart="always", RestartPreventExitStatus="2")
    launcher = SystemdLauncher([f"trial-{os.getpid()}"], hands=None)
    assert "schoolserver check" in until(launcher, State.STOPPED).status


def test_without_a_bus_it_is_unreachable(tmp_path):
    with pytest.raises(Unreachable, match="systemd"):
        SystemdLauncher(["mail"], hands=None, timeout=1.0, bus=tmp_path / "none").states()
