"""Which former versions there are to be, and what the carer is told; the helper at our own seam."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.daemon.space import Reserve
from appliance.settings.load import load
from appliance.supervisor.shadows import Shadows
from appliance.supervisor.shadows_rule import EVERY, is_due, over

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
DAYS = timedelta(days=1)
GB = 10**9
HOUR = timedelta(hours=1)


def stamp(instant):
    return instant.strftime("@GMT-%Y.%m.%d-%H.%M.%S")


def ago(time):
    return stamp(NOW - time)


def test_one_is_due_each_hour():
    assert is_due([], NOW)
    assert not is_due([ago(HOUR * 0.9)], NOW)
    assert is_due([ago(HOUR), ago(5 * HOUR)], NOW)


def test_a_clock_that_was_ahead_stops_nothing():
    assert is_due([ago(-3 * HOUR)], NOW)
    assert over([ago(-3 * HOUR), ago(HOUR)], 14 * DAYS, NOW) == [ago(-3 * HOUR)]


def test_each_hour_of_a_day_then_the_last_of_each_day():
    taken = [ago(hours * HOUR) for hours in range(24 * 20)]
    gone = over(taken, 14 * DAYS, NOW)
    left = [one for one in taken if one not in gone]
    assert left[:25] == taken[:25]
    last = datetime(2026, 11, 19, 23, 0, tzinfo=UTC)
    assert left[25:] == [stamp(last - days * DAYS) for days in range(13)]
    assert gone == sorted(gone)
    assert over(left, 14 * DAYS, NOW) == []


def test_a_day_of_which_some_are_older_than_a_day_keeps_one():
    noon, evening = stamp(NOW - 27 * HOUR), stamp(NOW - 20 * HOUR)
    assert over([noon, evening], 14 * DAYS, NOW) == [noon]


def test_kept_for_nothing_is_nothing():
    assert over([ago(HOUR)], timedelta(0), NOW) == [ago(HOUR)]


class Hands:
    """What is on the disk."""

    def __init__(self):
        self.taken, self.hindrance, self.fails = [], None, None
        self.now = NOW

    def shadows_list(self):
        if self.fails is not None:
            raise self.fails
        return self.hindrance, tuple(sorted(self.taken))

    def shadows_take(self):
        self.taken.append(stamp(self.now))
        return self.taken[-1]

    def shadows_remove(self, one):
        self.taken.remove(one)
        return True


class Disk:
    """Of 1 TB, in blocks of 4 KB; ``free`` bytes of it, or no answer."""

    def __init__(self):
        self.free = 500 * GB

    def statvfs(self, _path):
        if self.free is None:
            raise OSError(5, "Input/output error")
        left = self.free // 4000
        return os.statvfs_result((4000, 4000, 250 * 10**6, left, left, 0, 0, 0, 0, 255))


@pytest.fixture(autouse=True)
def disk(monkeypatch):
    found = Disk()
    monkeypatch.setattr(os, "statvfs", found.statvfs)
    return found


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    (tmp_path / "server.yaml").write_text(f"data: {tmp_path}\nreserve: 0 B\n")
    found = load(tmp_path)
    assert found.fileshare.shadow_copies == 14 * 86400
    return [found]


@pytest.fixture
def shadows(hands, settings):
    return Shadows(hands, lambda: settings[0], lambda: hands.now)


def keep(settings, seconds):
    settings[0] = replace(settings[0], fileshare=replace(settings[0].fileshare, shadow_copies=seconds))


def test_they_come_and_go(hands, shadows):
    for _ in range(40 * 24):
        assert shadows.work() > 0
        hands.now += EVERY
    assert len(hands.taken) == 25 + 13
    row = shadows.check()
    assert (row["name"], row["ok"]) == ("former versions", True)
    assert row["text"] == "38, back to 2026-12-17; kept for 14 days"


def test_where_there_can_be_none_that_is_said_and_nothing_is_wrong(hands, shadows):
    hands.hindrance = "the disk of the data is not btrfs"
    shadows.work()
    assert hands.taken == []
    assert not shadows.offered(hands)
    assert shadows.check() == {
        "name": "former versions",
        "ok": True,
        "text": "not offered: the disk of the data is not btrfs",
    }


def test_a_helper_that_does_not_do_it_is_named(hands, shadows):
    hands.fails = Unreachable("no answer")
    shadows.work()
    assert shadows.check()["ok"] is False
    assert shadows.check()["text"].endswith("; see journalctl -u schoolserver-privileged")


def test_switched_off_all_go(hands, shadows, settings):
    shadows.work()
    assert hands.taken
    assert shadows.offered(hands)
    keep(settings, None)
    shadows.work()
    assert hands.taken == []
    assert not shadows.offered(hands)
    assert "switched off" in shadows.check()["text"]


@pytest.mark.parametrize(("free", "reserve"), [(49 * GB, 0), (199 * GB, 100 * GB)])
def test_the_oldest_go_before_uploads_are_refused(hands, shadows, settings, disk, free, reserve):
    settings[0] = replace(settings[0], server=replace(settings[0].server, reserve=reserve))
    for _ in range(3):
        shadows.work()
        hands.now += EVERY
    first = hands.taken[0]
    assert len(hands.taken) == 3
    disk.free = free
    assert not Reserve(settings[0].server.data, reserve).refuses()
    shadows.work()
    assert len(hands.taken) == 2
    assert first not in hands.taken
    assert not shadows.check()["ok"]
    disk.free = 201 * GB
    shadows.work()
    assert len(hands.taken) == 3
    assert shadows.check()["ok"]


def test_a_disk_that_gives_no_answer_loses_none(hands, shadows, disk):
    shadows.work()
    disk.free = None
    shadows.work()
    assert len(hands.taken) == 1


@pytest.mark.parametrize("problem", [RequestRefused("disk", "No space left on device"), Unreachable("nobody")])
def test_what_goes_wrong_is_said_and_tried_again_soon(hands, shadows, problem, caplog):
    hands.fails = problem
    assert [shadows.work() for _ in range(2)] == [5, 5]
    assert len(caplog.records) == 1
    assert not shadows.check()["ok"]
    hands.fails = None
    assert shadows.work() == 60
    assert shadows.check()["ok"]
