"""Alerts as a whole: what is looked at, when a mail gets away, what outlives a restart. Time is the test's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from appliance.settings.proxy import Destination
from appliance.supervisor import alerts_mail
from appliance.supervisor.alerts import Alerts, Around
from appliance.supervisor.alerts_mail import CannotSend
from appliance.supervisor.alerts_memory import Memory
from appliance.supervisor.probe import ProbeFailed
from appliance.supervisor.state import State, StateError
from tests.unit.supervisor.scenery import settings_in

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
OUTSIDE, INSIDE = "carer@town.example", "ada.admin@schule.example"


class Scene:
    def __init__(self, folder, monkeypatch):
        self.folder, self.now = folder, START
        self.red, self.mails, self.broken, self.refused = {}, [], None, 0
        self.visiting = "the visitor"
        settings = settings_in(folder)
        own = replace(settings.alerts, to=(OUTSIDE,), smarthost=Destination("mail.town.example", 587))
        self.settings = replace(settings, alerts=own)
        self.banner = folder / "banner"
        monkeypatch.setattr(alerts_mail, "through_smarthost", self.outside)
        monkeypatch.setattr(alerts_mail, "through_ourselves", self.inside)
        self.start()

    def start(self):
        self.state = State(self.folder / "state.db")
        around = Around(self.status, self.visitor, self.banner, lambda: self.now)
        self.alerts = Alerts(self.settings, Memory(self.state), around)

    def restart(self):
        self.state.close()
        self.start()
        self.now += timedelta(seconds=15)

    def set(self, **alerts):
        self.settings = replace(self.settings, alerts=replace(self.settings.alerts, **alerts))
        self.alerts.settings = self.settings

    def status(self):
        checks = [{"name": name, "ok": False, "text": text} for name, text in self.red.items()]
        return {"units": [], "probes": [], "checks": [*checks, {"name": "alerts", "ok": False, "text": "not sent"}]}

    def visitor(self):
        if self.visiting is None:
            raise ProbeFailed(None, "the hidden account gets no password")
        return self.visiting

    def outside(self, settings, domain, to, letter):
        assert (settings, domain) == (self.settings.alerts, "schule.example")
        return self._take("outside", to, letter)

    def inside(self, visitor, to, letter):
        assert visitor == "the visitor"
        return self._take("inside", to, letter)

    def _take(self, way, to, letter):
        if self.broken in (way, "both"):
            raise CannotSend(f"{way} is broken")
        self.mails.append((way, tuple(to), letter))
        return self.refused

    def minutes(self, count):
        for _ in range(count):
            self.alerts.work()
            self.now += timedelta(minutes=1)
        return [letter.subject for _, _, letter in self.mails]


@pytest.fixture
def scene(tmp_path, monkeypatch):
    made = Scene(tmp_path, monkeypatch)
    made.now += timedelta(seconds=15)
    yield made
    made.state.close()


def test_trouble_and_its_end_are_told(scene):
    scene.red = {"directory": "no answer", "probe mail": "SMTP: no answer in time"}
    assert scene.minutes(10) == []
    assert scene.minutes(1) == ["[schule.example] not well: directory, probe mail"]
    assert "  directory, for 10 min: no answer\n" in scene.mails[0][2].text
    scene.red = {}
    assert scene.minutes(10)[1:] == ["[schule.example] well again"]
    assert "  probe mail, for 11 min\n" in scene.mails[1][2].text


def test_that_all_is_well_again_may_stay_untold(scene):
    scene.set(recovered=False)
    scene.red = {"directory": "no answer"}
    scene.minutes(20)
    scene.red = {}
    assert len(scene.minutes(20)) == 1


def test_a_restart_tells_nothing_twice_and_forgets_nothing(scene):
    scene.red = {"directory": "no answer"}
    scene.minutes(6)
    scene.restart()
    assert scene.minutes(4) == []
    assert len(scene.minutes(2)) == 1
    for _ in range(5):
        scene.restart()
        assert len(scene.minutes(20)) == 1
    scene.red = {}
    scene.restart()
    assert scene.minutes(10)[1:] == ["[schule.example] well again"]


def test_what_cannot_be_sent_is_tried_again_later_and_later_and_shown(scene):
    scene.red, scene.broken = {"directory": "no answer"}, "outside"
    scene.minutes(11)
    assert scene.mails == []
    row = scene.alerts.check()
    assert (row["ok"], row["text"]) == (False, "cannot be sent: outside is broken; none so far")
    scene.minutes(1)
    assert "alerts cannot be sent: outside is broken" in scene.banner.read_text()
    scene.broken = None
    assert len(scene.minutes(4)) == 1
    assert scene.alerts.check()["ok"]


def test_the_pause_between_tries_grows(scene, monkeypatch):
    tries = []
    monkeypatch.setattr(
        alerts_mail, "through_smarthost", lambda *_: tries.append(scene.now) or scene._take("no", (), 0)
    )
    scene.broken = "no"
    scene.red = {"directory": "no answer"}
    scene.minutes(120)
    pauses = [(later - earlier) / timedelta(minutes=1) for earlier, later in pairwise(tries)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert set(pauses[4:]) == {15}


def test_each_address_is_told_its_way(scene):
    scene.set(to=(OUTSIDE, INSIDE.title()))
    scene.red = {"directory": "no answer"}
    scene.minutes(11)
    assert [(way, to) for way, to, _ in scene.mails] == [("outside", (OUTSIDE,)), ("inside", (INSIDE.title(),))]


def test_one_way_that_works_is_enough_and_the_other_is_a_problem(scene):
    scene.set(to=(OUTSIDE, INSIDE))
    scene.visiting = None
    scene.red = {"directory": "no answer"}
    scene.minutes(30)
    assert [way for way, _, _ in scene.mails] == ["outside"]
    assert "our own mail: the hidden account gets no password" in scene.alerts.check()["text"]


def test_an_address_that_is_refused_is_a_problem(scene):
    scene.refused = 1
    scene.red = {"directory": "no answer"}
    assert len(scene.minutes(30)) == 1
    assert "1 of 1 addresses are refused" in scene.alerts.check()["text"]
    with pytest.raises(CannotSend, match="1 of 1"):
        scene.alerts.try_now()


def test_without_addresses_only_the_log_in_tells(scene):
    scene.set(to=())
    scene.red = {"directory": "no answer"}
    scene.alerts.note("slapd 1 -> 2: all probes right")
    assert scene.minutes(30) == []
    assert scene.alerts.check() == {"name": "alerts", "ok": True, "text": "nobody is told by mail (alerts.yaml: to)"}
    assert scene.banner.read_text().startswith("schoolserver is NOT WELL for 29 min: directory.")
    scene.set(to=(OUTSIDE,))
    assert scene.minutes(2) == ["[schule.example] not well: directory"]


def test_what_happened_is_told_once_over_restarts_too(scene):
    scene.broken = "both"
    scene.alerts.note("slapd 1 -> 2: all probes right")
    scene.minutes(5)
    scene.restart()
    scene.broken = None
    assert scene.minutes(5) == ["[schule.example] slapd 1 -> 2: all probes right"]
    scene.restart()
    assert len(scene.minutes(5)) == 1


def test_when_something_was_sent_is_known_after_a_restart(scene):
    assert scene.alerts.try_now() == 1
    scene.restart()
    assert scene.alerts.check()["text"].startswith("last sent 20")


def test_trying_without_addresses_says_so(scene):
    scene.set(to=())
    with pytest.raises(CannotSend, match="nobody"):
        scene.alerts.try_now()


def test_the_log_in_shows_nothing_while_all_is_well_or_red_for_a_moment(scene):
    scene.minutes(1)
    assert scene.banner.read_text() == ""
    scene.red = {"directory": "no answer"}
    scene.minutes(1)
    assert scene.banner.read_text() == ""
    scene.minutes(1)
    assert "NOT WELL for 1 min: directory." in scene.banner.read_text()


def test_a_state_that_takes_nothing_stops_no_alert(scene, monkeypatch):
    def full(*_arguments, **_named):
        raise StateError("no space left")

    monkeypatch.setattr(State, "change", full)
    scene.red = {"space state": "0 MB free"}
    assert len(scene.minutes(30)) == 1


def test_what_is_red_only_because_nobody_has_looked_yet_does_not_count(scene):
    scene.set(after=10.0)
    for _ in range(20):
        scene.state.close()
        scene.start()
        scene.red = {"launcher": "not asked yet"}
        scene.alerts.work()
        scene.now += timedelta(seconds=20)
        scene.red = {}
        scene.alerts.work()
    assert scene.mails == []
    assert scene.banner.read_text() == ""


def test_new_settings_are_tried_at_once(scene):
    scene.red, scene.broken = {"directory": "no answer"}, "outside"
    scene.minutes(40)
    scene.set(to=(INSIDE,))
    assert scene.alerts.check()["ok"]
    assert len(scene.minutes(1)) == 1


def test_the_file_for_log_ins_is_there_from_the_start(scene):
    scene.state.close()
    scene.start()
    scene.banner.unlink(missing_ok=True)
    scene.alerts.work()
    assert scene.banner.read_text() == ""
