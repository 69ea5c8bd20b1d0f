"""What makes the status red, and when a unit is restarted. The launcher is one that a test writes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.daemon.secret import Secret
from appliance.policy.account import Service
from appliance.policy.snapshot import Version
from appliance.supervisor import figures
from appliance.supervisor.health import Health
from appliance.supervisor.launcher.seam import State, UnitState
from appliance.supervisor.probe import Probe, ProbeFailed, Visitor
from appliance.supervisor.publisher import Standing
from tests.unit.supervisor.scenery import settings_in

MB = 10**6
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.now = 1000.0
        self.settings = settings_in(folder, probe_interval=5.0)
        self.failing = None
        self.shut = False
        self.ran = 0
        self.units = [
            UnitState(name, State.READY, None, LONG_AGO, 0, "") for name in ("directory", "auth", "mail", "imap")
        ]
        self.restarted = []
        self.away = False
        self.snapshot = None
        self.reading = True
        self.standing = Standing(version=Version(1, 1))
        self.probe = Probe("mail", Service.MAIL, self.run)
        self.health = Health(self.settings, self, self, [self.probe], self, lambda: self.now)

    @property
    def standing(self):
        """While the directory is read, at every moment; the clock on the wall is wrong by an hour."""
        if self.reading:
            self.read_at = self.now
        return replace(self._standing, looked_at=LONG_AGO + timedelta(seconds=self.read_at))

    @standing.setter
    def standing(self, standing):
        self._standing = standing

    # the launcher
    def states(self):
        if self.away:
            raise Unreachable("no answer from launcher.sock")
        return self.units

    def restart(self, name):
        self.restarted.append(name)

    # who probes, and the probe
    def visitor(self):
        return Visitor(self.settings, "schoolserver-probe", Secret("x"), 1.0, self.settings.server.state)

    def closed(self, _probe):
        return self.shut

    def run(self, _visitor):
        self.ran += 1
        if self.failing:
            raise self.failing

    def round(self, times=1):
        for _ in range(times):
            self.health.look()
            self.health.probe(self.probe)
            self.now += 5.0
        return self.health.status()

    def set_unit(self, name, **change):
        self.units = [replace(unit, **change) if unit.name == name else unit for unit in self.units]


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_all_well(scene):
    status = scene.round()
    assert status["healthy"], status["summary"]
    assert status["summary"] == "well; 4 units, 0 accounts"


def test_before_anything_was_looked_at_it_is_not_well(scene):
    status = scene.health.status()
    assert not status["healthy"]
    assert {"launcher", "probe mail"} <= set(status["summary"].removeprefix("not well: ").split(", "))


def test_a_failed_probe_is_red_and_says_why(scene):
    scene.failing = ProbeFailed("mail", "SMTP: no answer in time")
    status = scene.round()
    assert status["summary"] == "not well: probe mail"
    assert status["probes"][0]["text"] == "SMTP: no answer in time"


def test_a_probe_older_than_three_intervals_is_red(scene):
    scene.round()
    scene.now += 9.9
    scene.health.look()
    assert scene.health.status()["healthy"]
    scene.now += 0.3
    scene.health.look()
    assert scene.health.status()["summary"] == "not well: probe mail"


def test_a_unit_that_is_not_up_is_red(scene):
    scene.set_unit("auth", state=State.PAUSING, status="exit status 1")
    status = scene.round()
    assert status["summary"] == "not well: auth"


def test_a_launcher_without_answer_is_red(scene):
    scene.away = True
    assert scene.round()["summary"] == "not well: launcher"


def test_a_directory_that_is_away_is_red_and_says_since_when(scene):
    scene.standing = replace(scene.standing, away="connection refused", away_since=datetime(2026, 1, 1, 8, tzinfo=UTC))
    status = scene.round()
    assert status["summary"] == "not well: directory"
    assert "since 08:00:00 UTC: connection refused" in str(status["checks"])


def test_a_snapshot_that_cannot_be_published_is_red(scene):
    scene.standing = replace(scene.standing, problem="no space left")
    assert scene.round()["summary"] == "not well: snapshot"


def test_three_failures_in_a_row_restart_the_unit_to_blame(scene):
    scene.failing = ProbeFailed("imap", "IMAP: no answer in time")
    scene.round(2)
    assert scene.restarted == []
    scene.round(2)
    assert scene.restarted == ["imap"]
    scene.round(2)
    assert scene.restarted == ["imap", "imap"]


def test_a_domain_that_answers_nobody_is_restarted_although_the_directory_is_away(scene):
    """It is the directory."""
    scene.units.append(UnitState("domain", State.READY, None, LONG_AGO, 0, ""))
    scene.standing = replace(scene.standing, away="x", away_since=LONG_AGO)
    scene.failing = ProbeFailed("domain", "LDAPS: no answer in time")
    scene.round(3)
    assert scene.restarted == ["domain"]


@pytest.mark.parametrize("cause", ["young", "directory down", "directory away", "not up"])
def test_no_restart_while_the_reason_is_another(scene, cause):
    scene.failing = ProbeFailed("mail", "SMTP: no answer in time")
    if cause == "young":
        scene.set_unit("mail", since=datetime.now(UTC))
    elif cause == "directory down":
        scene.set_unit("directory", state=State.PAUSING)
    elif cause == "not up":
        scene.set_unit("mail", state=State.STARTING)
    else:
        scene.standing = replace(scene.standing, away="x", away_since=LONG_AGO)
    scene.round(6)
    assert scene.restarted == []


def test_a_probe_that_breaks_is_a_failed_one(scene):
    scene.failing = ValueError("surprise")
    status = scene.round()
    assert status["probes"][0]["text"] == "the probe itself broke: ValueError"


def test_a_module_that_the_school_has_closed_is_not_probed(scene):
    scene.shut = True
    assert scene.round()["healthy"]
    assert scene.ran == 0


@pytest.mark.parametrize("name", ["state", "data"])
def test_a_disk_is_red_before_services_refuse(scene, name):
    (scene.folder / name).mkdir(exist_ok=True)
    assert figures.space_problem(name, 1000 * MB, 500 * MB) is None
    assert "below 500 MB" in figures.space_problem(name, 999 * MB, 500 * MB)
    assert "are refused" in figures.space_problem(name, 499 * MB, 500 * MB)
    scene.settings = scene.health.settings = settings_in(scene.folder, probe_interval=5.0, reserve=2**55)
    assert f"space {name}" in scene.round()["summary"]


def test_sockets_and_snapshots_need_little(scene):
    assert figures.space_problem("runtime", 20 * MB, 500 * MB) is None
    assert figures.space_problem("runtime", 10 * MB, 500 * MB) == "10 MB free"


def test_what_is_not_installed_is_neither_probed_nor_red(scene):
    scene.health = Health(
        scene.settings,
        scene,
        scene,
        [scene.probe, Probe("web", Service.WEB, scene.run, frozenset({"proxy"}))],
        scene,
        lambda: scene.now,
    )
    web = scene.health._probes[1]
    scene.health.probe(web)
    assert scene.ran == 0  # nobody knows yet what there is
    scene.health.look()
    scene.health.probe(web)
    assert scene.ran == 0
    assert scene.health.proved(web)
    status = scene.round()
    assert status["healthy"], status["summary"]
    assert [probe["name"] for probe in status["probes"]] == ["mail"]
    scene.failing = ProbeFailed("mail", "SMTP: no answer in time")
    assert scene.health.prove() == {"mail": "SMTP: no answer in time"}
    scene.units.append(UnitState("proxy", State.STOPPED, None, LONG_AGO, 0, "stopped"))
    scene.health.look()
    scene.health.probe(web)
    assert scene.ran == 3  # mail twice
    assert "probe web" in scene.health.status()["summary"]


def test_a_unit_without_one_of_its_ports_is_red_and_restarted_like_others(scene):
    lacking = UnitState("mail", State.READY, None, LONG_AGO, 0, "nothing listens for smtp", whole=False)
    scene.units = [lacking if unit.name == "mail" else unit for unit in scene.units]
    status = scene.round()
    assert (status["healthy"], status["summary"]) == (False, "not well: mail")
    scene.failing = ProbeFailed("mail", "SMTP: no answer in time")
    while not scene.restarted:
        assert scene.now < 2000
        scene.round()
    assert scene.restarted == ["mail"]


def test_what_is_installed_is_probed_while_the_launcher_is_silent(scene):
    web = scene.probe = replace(scene.probe, units=frozenset({"mail"}))
    scene.health.look()
    scene.away = True
    scene.health.look()
    scene.health.probe(web)
    assert scene.ran == 1


def test_a_directory_that_is_not_read_any_more_is_red_whatever_the_clock_on_the_wall_says(scene):
    assert scene.round()["healthy"]
    scene.reading = False
    assert scene.round(4)["summary"] == "not well: directory"
    assert "not read lately" in str(scene.health.status()["checks"])
    scene.reading = True
    assert scene.round()["healthy"]


def test_probes_are_run_when_asked_and_tell_what_is_not_right(scene):
    scene.health.look()
    assert scene.health.prove() == {}
    scene.failing = ProbeFailed("mail", "SMTP: no answer in time")
    assert scene.health.prove() == {"mail": "SMTP: no answer in time"}
    assert scene.ran == 2


def test_rows_of_others_stand_among_the_checks_and_make_it_red(scene):
    row = {"name": "alerts", "ok": True, "text": "none so far"}
    scene.health.also(lambda: row)
    assert row in scene.round()["checks"]
    row["ok"] = False
    assert scene.round()["summary"] == "not well: alerts"


def test_where_the_kernel_keeps_nobody_apart_status_says_so(scene):
    (row,) = [row for row in scene.round()["checks"] if row["name"] == "separation"]
    assert "our code, not the kernel, keeps people's files apart" in row["text"]


def test_a_row_about_what_is_not_installed_is_none(scene):
    scene.health.also(lambda: {"name": "x", "ok": False, "text": ""} if scene.health.installed("proxy") else None)
    assert not scene.health.installed("mail")  # nobody has told yet
    assert scene.round()["healthy"]
    assert scene.health.installed("mail")
    scene.units.append(UnitState("proxy", State.READY, None, LONG_AGO, 0, ""))
    assert scene.round()["summary"] == "not well: x"


def test_who_asks_sees_what_is_so_now_but_asking_fast_asks_nobody(scene):
    scene.round()
    scene.set_unit("mail", state=State.STOPPED, status="stopped")
    scene.now -= 4.5  # half a second after the look
    scene.health.look(unless_within=1.0)
    assert scene.health.status()["healthy"]
    scene.now += 0.6
    scene.health.look(unless_within=1.0)
    assert scene.health.status()["summary"] == "not well: mail"
