"""What is wrong with the copies, and how often that is told."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server.alarm import letter
from appliance.backup_server.alarm_rule import News, Trouble, news, remembered
from appliance.backup_server.watch_rule import Disk, Forgetting, School, troubles

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SILENT = 36 * HOUR
ROOMY = Disk(free=500, total=1000, least=0.1, encrypted=True)
FINE = School("goethe", NOW - 90 * DAY, last=NOW - 10 * HOUR)


def keys(*schools, disk=ROOMY, now=NOW):
    return [one.key for one in troubles(schools, disk, SILENT, now)]


def test_all_is_well():
    assert keys(FINE) == []


def test_where_no_school_is_there_is_nothing_to_say():
    assert keys(disk=Disk(0, 1000, 0.1, encrypted=False)) == []


@pytest.mark.parametrize(
    ("since", "last", "expected"),
    [
        (90 * DAY, 36 * HOUR, []),
        (90 * DAY, 37 * HOUR, ["silent goethe"]),
        (37 * HOUR, None, ["silent goethe"]),
        (HOUR, None, []),
        (HOUR, 90 * DAY, []),  # paired anew: it has its night before it
        (90 * DAY, -HOUR, []),
        (90 * DAY, -DAY, ["future goethe"]),  # the clock was put back
    ],
)
def test_a_school_may_be_silent_for_so_long(since, last, expected):
    one = School("goethe", NOW - since, last=None if last is None else NOW - last)
    assert keys(one) == expected


def test_a_school_that_is_let_in_no_more_may_be_silent():
    assert keys(School("goethe", NOW - 90 * DAY, paired=False, last=NOW - 50 * DAY)) == []


@pytest.mark.parametrize(("free", "delta", "expected"), [(100, 50, []), (99, 0, ["disk"]), (300, 151, ["disk"])])
def test_the_disk_must_hold_twice_what_came_last(free, delta, expected):
    one = School("goethe", NOW - 90 * DAY, last=NOW, delta=delta)
    assert keys(one, disk=Disk(free, 1000, 0.1, encrypted=True)) == expected


def test_a_failed_copy_and_a_store_that_cannot_be_read_are_said_each():
    failed = School("goethe", NOW, last=NOW, failed="the disk is full")
    broken = School("schiller", NOW, problem="Input/output error")
    assert keys(failed, broken) == ["failed goethe", "store schiller"]


def test_a_request_to_forget_is_said_when_it_was_asked_and_the_day_before():
    asked = School("goethe", NOW - 90 * DAY, last=NOW, forgetting=[Forgetting("0123456789ab", NOW + 14 * DAY)])
    tomorrow = School("goethe", NOW - 90 * DAY, last=NOW, forgetting=[Forgetting("0123456789ab", NOW + DAY)])
    assert keys(asked) == ["asked goethe 0123456789ab"]
    assert keys(tomorrow) == ["asked goethe 0123456789ab", "tomorrow goethe 0123456789ab"]
    assert all(one.once for one in troubles([tomorrow], ROOMY, SILENT, NOW))


def test_requests_that_are_ripe_and_wait_are_said():
    waiting = [Forgetting(f"{number:012x}", NOW - 2 * DAY) for number in range(3)]
    found = troubles([School("goethe", NOW - 90 * DAY, last=NOW, forgetting=waiting)], ROOMY, SILENT, NOW)
    assert [one.text.split(": ")[1][:10] for one in found if one.key == "waiting goethe"] == ["3 requests"]
    assert not any(one.key.startswith("tomorrow") for one in found)


SILENCE, OTHER = Trouble("silent goethe", "silent"), Trouble("disk", "full")
OPEN = Trouble("encryption", "open", once=True)


class Hours:
    """A look each hour at what stands then; what was told, as (hours since the first, keys, over)."""

    def __init__(self):
        self.memory, self.now, self.told = {}, NOW, []

    def look(self, *standing, times=1):
        for _ in range(times):
            found = news(self.memory, standing, self.now)
            if found.troubles or found.over:
                hours = (self.now - NOW) // HOUR
                self.told.append((hours, [one.key for one in found.troubles], list(found.over)))
            self.memory = remembered(self.memory, standing, found, self.now)
            self.now += HOUR


def test_trouble_is_told_at_once_then_daily_and_once_when_it_is_over():
    hours = Hours()
    hours.look(SILENCE, times=30)
    hours.look(times=50)
    assert hours.told == [(0, ["silent goethe"], []), (23, ["silent goethe"], []), (30, [], ["silent"])]


def test_what_is_new_is_told_with_what_lasts():
    hours = Hours()
    hours.look(SILENCE, times=2)
    hours.look(SILENCE, OTHER, times=2)
    assert hours.told == [(0, ["silent goethe"], []), (2, ["silent goethe", "disk"], [])]


def test_what_is_told_once_is_neither_repeated_nor_over():
    hours = Hours()
    hours.look(OPEN, times=60)
    hours.look(times=2)
    assert hours.told == [(0, ["encryption"], [])]


def test_a_clock_that_was_put_back_hides_nothing():
    hours = Hours()
    hours.look(SILENCE)
    hours.now -= 30 * DAY
    hours.look(SILENCE, times=3)
    assert [told[1] for told in hours.told] == [["silent goethe"], ["silent goethe"]]


@given(st.lists(st.lists(st.sampled_from([SILENCE, OTHER, OPEN]), unique=True), max_size=60))
def test_nothing_that_stands_is_ever_untold(looks):
    hours = Hours()
    for standing in looks:
        hours.look(*standing)
        assert set(hours.memory) == {one.key for one in standing}


def test_the_letter_says_how_much_there_is_or_that_all_is_well():
    subject, text = letter(News([SILENCE, OTHER], ["gone"]), "backup")
    assert subject == "Backup server backup: 2 to see to"
    assert text == "silent\n\nfull\n\nOver:\n\ngone\n"
    assert letter(News([], ["gone"]), "backup")[0].endswith("all is well again")
