"""What follows an upgrade of an engine; dpkg's record, the launcher and the probes are those of a test."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.supervisor.engines import Engines, installed
from appliance.supervisor.launcher.seam import State as UnitStateName
from appliance.supervisor.launcher.seam import UnitState
from appliance.supervisor.state import State

LONG_AGO = datetime.now(UTC) - timedelta(days=9)
READY = UnitStateName.READY


def stanza(package, version, state="install ok installed"):
    return f"Package: {package}\nStatus: {state}\nPriority: optional\nVersion: {version}\nDescription: x\n more\n\n"


class Scene:
    def __init__(self, folder):
        self.path, self.folder = folder / "status", folder
        self.now, self.away, self.wrong = 0.0, False, {}
        self.units = {name: UnitState(name, READY, None, LONG_AGO, 0, "") for name in ("directory", "imap", "mail")}
        self.restarted, self.told, self.proofs, self.comes_up = [], [], 0, True
        self.installed(slapd="2.5.13", **{"dovecot-core": "2.3.19", "dovecot-imapd": "2.3.19", "bash": "5.2"})
        self.start()

    def start(self):
        self.state = State(self.folder / "state.db")
        self.engines = Engines(self.state, self, self, self.told.append, self.path, lambda: self.now)

    def installed(self, **versions):
        self.versions = versions
        self.write("".join(stanza(*each) for each in versions.items()))

    def upgraded(self, **versions):
        self.installed(**{**self.versions, **versions})

    def write(self, text):
        self.path.write_text(text)
        stamp = self.path.stat().st_mtime_ns + 10**9 * getattr(self, "writes", 0)
        self.writes = getattr(self, "writes", 0) + 1
        os.utime(self.path, ns=(stamp, stamp))

    # the launcher
    def states(self):
        if self.away:
            raise Unreachable("no answer from launcher.sock")
        return list(self.units.values())

    def restart(self, name):
        self.restarted.append(name)
        if self.comes_up:
            self.units[name] = replace(self.units[name], since=datetime.now(UTC) + timedelta(seconds=1))

    # the probes
    def prove(self):
        self.proofs += 1
        return self.wrong

    def go(self, seconds):
        until = self.now + seconds
        while self.now < until:
            self.now += self.engines.work()


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path)
    made.go(60)
    yield made
    made.state.close()


def test_what_is_there_at_first_is_no_upgrade(scene):
    assert (scene.told, scene.restarted, scene.proofs) == ([], [], 0)


def test_an_upgrade_restarts_its_unit_runs_the_probes_and_is_told(scene):
    scene.upgraded(**{"dovecot-core": "2.3.21", "dovecot-imapd": "2.3.21", "bash": "5.3"})
    scene.go(60)
    assert scene.restarted == ["imap"]
    assert scene.told == ["dovecot-core, dovecot-imapd 2.3.19 -> 2.3.21: all probes right"]
    assert scene.engines.check()["text"] == scene.told[0]
    scene.go(600)
    assert (len(scene.told), scene.proofs) == (1, 1)


def test_an_upgrade_while_nobody_looked_is_found_at_the_start(scene):
    scene.state.close()
    scene.upgraded(slapd="2.5.14")
    scene.start()
    scene.go(60)
    assert scene.told == ["slapd 2.5.13 -> 2.5.14: all probes right"]


def test_an_upgrade_during_whose_proof_we_ended_is_proved_again(scene):
    scene.upgraded(slapd="2.5.14")
    scene.wrong = {"mail": "no answer"}
    scene.go(30)
    assert scene.proofs and not scene.told
    scene.state.close()
    scene.wrong = {}
    scene.start()
    scene.go(30)
    assert scene.told == ["slapd 2.5.13 -> 2.5.14: all probes right"]
    assert scene.restarted == ["directory"]


def test_a_unit_that_was_restarted_since_is_left_alone(scene):
    scene.upgraded(slapd="2.5.14")
    scene.units["directory"] = replace(scene.units["directory"], since=datetime.now(UTC) + timedelta(hours=1))
    scene.go(60)
    assert scene.restarted == []
    assert len(scene.told) == 1


def test_probes_that_stay_wrong_are_told_as_they_are(scene):
    scene.upgraded(slapd="2.5.14")
    scene.wrong = {"mail": "SMTP: no answer in time"}
    scene.go(100)
    assert scene.told == []
    scene.go(120)
    assert scene.told == ["slapd 2.5.13 -> 2.5.14: NOT right: probe mail: SMTP: no answer in time"]


@pytest.mark.parametrize(("name", "restarted"), [("slapd.list", []), ("slapd:amd64.list", []), (None, ["directory"])])
def test_a_unit_that_the_package_itself_restarted_is_left_alone(scene, name, restarted):
    now = datetime.now(UTC)
    scene.upgraded(slapd="2.5.14")  # written when all of it is done
    scene.units["directory"] = replace(scene.units["directory"], since=now - timedelta(seconds=10))
    if name is not None:
        unpacked = scene.folder / "info" / name
        unpacked.parent.mkdir()
        unpacked.touch()
        stamp = (now - timedelta(seconds=20)).timestamp()
        os.utime(unpacked, (stamp, stamp))
    scene.go(60)
    assert scene.restarted == restarted
    assert len(scene.told) == 1


@pytest.mark.parametrize("cause", ["does not come up", "launcher away"])
def test_a_unit_that_stays_down_is_told(scene, cause):
    scene.upgraded(slapd="2.5.14")
    scene.comes_up = False
    if cause == "launcher away":
        scene.go(7)
        scene.away = True
    scene.go(300)
    assert scene.told == ["slapd 2.5.13 -> 2.5.14: NOT right: unit directory does not come up"]


def test_nothing_is_done_while_dpkg_is_at_work(scene):
    half = stanza("slapd", "2.5.14", "install ok half-configured")
    scene.write(stanza("dovecot-core", "2.3.21") + half)
    scene.go(120)
    assert scene.restarted == []
    scene.installed(**{"dovecot-core": "2.3.21", "slapd": "2.5.14"})
    scene.go(60)
    assert sorted(scene.restarted) == ["directory", "imap"]
    assert scene.told == ["dovecot-core 2.3.19 -> 2.3.21; slapd 2.5.13 -> 2.5.14: all probes right"]


def test_packages_that_come_and_go_are_no_upgrade(scene):
    scene.installed(slapd="2.5.13", rsync="3.2.7")
    scene.go(60)
    scene.installed(slapd="2.5.13", rsync="3.2.7", **{"dovecot-core": "2.3.21"})
    scene.go(60)
    assert (scene.told, scene.restarted) == ([], [])


def test_a_system_without_dpkg_is_looked_at_in_vain(scene):
    scene.path.unlink()
    scene.go(60)
    assert scene.told == []


def test_dpkg_s_record_is_read_as_it_is_written():
    text = (
        stanza("slapd", "2.5.13") + stanza("rsync", "3.2", "deinstall ok config-files") + stanza("slapd-contrib", "1")
    )
    assert installed(text, ["slapd", "rsync"]) == ({"slapd": "2.5.13"}, True)
    assert installed(text + stanza("rsync", "3", "install ok unpacked"), ["slapd", "rsync"])[1] is False
