"""An upgrade with the real dpkg, in a root of its own: the running school's unit is a fresh one, probes prove it."""

import os
import shutil
import subprocess
import threading
import time

import pytest

from appliance.supervisor.engines import Engines
from appliance.supervisor.launcher.client import ChildrenClient
from appliance.supervisor.state import State


class Dpkg:
    """Packages without content, installed below ``folder``."""

    def __init__(self, folder):
        self.root, self.folder = folder / "root", folder
        self.status = self.root / "var" / "lib" / "dpkg" / "status"
        for name in ("updates", "info"):
            (self.status.parent / name).mkdir(parents=True)
        self.status.touch()

    def install(self, name, version, postinst=""):
        tree = self.folder / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@town.example>\nDescription: x\n"
        )
        if postinst:
            script = tree / "DEBIAN" / "postinst"
            script.write_text(f"#!/bin/sh\n{postinst}\n")
            script.chmod(0o755)
        package = self.folder / f"{name}_{version}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, package], check=True, capture_output=True)
        forces = ("--force-not-root", "--force-script-chrootless", "--force-depends")
        log = f"--log={self.folder / 'dpkg.log'}"
        argv = ["dpkg", f"--root={self.root}", log, *forces, "--install", package]
        return subprocess.run(argv, capture_output=True, text=True, check=False)


class Prover:
    """What the school's own probes say."""

    def __init__(self, school):
        self.school = school

    def prove(self):
        return {row["name"]: row["text"] for row in self.school.call("status")["probes"] if not row["ok"]}


@pytest.fixture
def dpkg(tmp_path):
    if shutil.which("dpkg") is None:
        pytest.skip("dpkg is not here")
    return Dpkg(tmp_path)


def go(engines, true, within=60.0):
    """Let the watch work until ``true()``."""
    deadline, never = time.monotonic() + within, threading.Event()
    while not true():
        assert time.monotonic() < deadline
        never.wait(min(engines.work(), 0.2))


def test_an_engine_is_upgraded_under_a_running_school(school, dpkg, tmp_path):
    launcher = ChildrenClient(school.settings.server.runtime / "launcher" / "launcher.sock")
    pids = lambda: {unit.name: unit.pid for unit in launcher.states()}  # noqa: E731 - said where it is used
    state, told = State(tmp_path / "state.db"), []
    assert dpkg.install("dovecot-core", "1:2.3.19-1").returncode == 0
    os.utime(dpkg.status, (0, 0))
    engines = Engines(state, launcher, Prover(school), told.append, dpkg.status)
    engines.work()
    before = pids()
    done = dpkg.install("dovecot-core", "1:2.3.21-1")
    assert done.returncode == 0, done.stderr
    go(engines, lambda: told)
    assert told == ["dovecot-core 1:2.3.19-1 -> 1:2.3.21-1: all probes right"]
    assert {name for name, pid in pids().items() if pid != before[name]} == {"imap"}
    state.close()
    launcher.close()


def test_a_package_whose_configuration_failed_is_no_upgrade_yet(dpkg, tmp_path):
    state, told = State(tmp_path / "state.db"), []
    dpkg.install("slapd", "2.5.13")
    engines = Engines(state, None, None, told.append, dpkg.status)
    engines.work()
    assert dpkg.install("slapd", "2.5.14", postinst="exit 1").returncode != 0
    for _ in range(50):
        engines.work()
    assert told == []
    assert "half-configured" in dpkg.status.read_text()
    state.close()
