"""When a schedule is open, and that it never says too late when this changes."""

from dataclasses import replace
from datetime import UTC, date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.schedule import ALL_DAY, Days, Holidays, Schedule, Window

from .strategies import BERLIN, LESSONS, berlin, checked, instants, schedules

ALWAYS = Schedule(frozenset(range(7)), (ALL_DAY,), BERLIN)
NIGHT = Schedule(frozenset({4}), (Window(time(22), time(6)),), BERLIN)  # from Friday 22:00 to Saturday 06:00
TWO_TO_THREE = Schedule(frozenset(range(7)), (Window(time(2), time(3)),), BERLIN)


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        (LESSONS, "2026-11-23 07:59:59.999999", False),
        (LESSONS, "2026-11-23 08:00", True),
        (LESSONS, "2026-11-23 12:59:59.999999", True),
        (LESSONS, "2026-11-23 13:00", False),
        (LESSONS, "2026-11-22 09:00", False),  # a Sunday
        (LESSONS, "2026-12-23 09:00", False),  # first day of the holidays
        (LESSONS, "2027-01-06 09:00", False),  # last day
        (LESSONS, "2027-01-07 09:00", True),
        (replace(LESSONS, holidays=Holidays.ONLY), "2026-12-23 09:00", True),
        (replace(LESSONS, holidays=Holidays.ONLY), "2026-11-23 09:00", False),
        (replace(LESSONS, holidays=Holidays.ANY), "2026-12-23 09:00", True),
        (NIGHT, "2026-11-27 22:00", True),
        (NIGHT, "2026-11-28 05:59", True),
        (NIGHT, "2026-11-28 06:00", False),
        (NIGHT, "2026-11-28 22:00", False),
        (NIGHT, "2026-11-27 05:00", False),  # Thursday's night is not in it
        (ALWAYS, "2026-03-29 03:00", True),
        (replace(ALWAYS, weekdays=frozenset()), "2026-11-23 09:00", False),
        (replace(ALWAYS, windows=()), "2026-11-23 09:00", False),
    ],
)
def test_open_or_not(schedule, at, expected):
    assert schedule.active(berlin(at)) is expected


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        (LESSONS, "2026-11-23 09:30", "2026-11-23 13:00"),
        (LESSONS, "2026-11-23 08:00", "2026-11-23 13:00"),
        (LESSONS, "2026-11-23 13:00", "2026-11-24 08:00"),
        (LESSONS, "2026-11-27 14:00", "2026-11-30 08:00"),  # over the weekend
        (replace(LESSONS, weekdays=frozenset({0})), "2026-11-23 14:00", "2026-11-30 08:00"),
        (LESSONS, "2026-12-23 00:00", "2026-12-31 00:00"),  # the holidays are longer than it looks ahead
        (NIGHT, "2026-11-27 23:00", "2026-11-28 06:00"),
        (ALWAYS, "2026-11-23 09:30", "2026-12-01 09:30"),
    ],
)
def test_next_change(schedule, at, expected):
    found = schedule.next_change(berlin(at))
    assert found == berlin(expected).astimezone(UTC)
    assert found.tzinfo is UTC


def test_what_is_never_open_never_changes():
    assert replace(ALWAYS, weekdays=frozenset()).next_change(berlin("2026-11-23 09:30")) is None
    assert replace(ALWAYS, windows=()).next_change(berlin("2026-11-23 09:30")) is None


def test_the_hour_that_exists_twice_counts_both_times():
    at = berlin("2026-10-25 02:30")
    assert TWO_TO_THREE.active(at)
    assert TWO_TO_THREE.active(berlin("2026-10-25 02:30", fold=1))
    assert TWO_TO_THREE.next_change(at) == berlin("2026-10-25 03:00").astimezone(UTC)


def test_the_hour_that_is_skipped_is_not_open():
    before = berlin("2026-03-29 01:30")
    skipped = [before + timedelta(minutes=minutes) for minutes in range(90)]
    assert not any(TWO_TO_THREE.active(at.astimezone(UTC)) for at in skipped)


def test_a_window_that_ends_in_the_skipped_hour_ends_when_the_clocks_change():
    early = replace(TWO_TO_THREE, windows=(Window(time(1), time(2, 30)),))
    assert early.next_change(berlin("2026-03-29 01:30")) == berlin("2026-03-29 03:00").astimezone(UTC)


def test_a_window_that_opens_in_the_skipped_hour_opens_when_the_clocks_change():
    late = replace(TWO_TO_THREE, windows=(Window(time(2, 30), time(5)),))
    assert late.next_change(berlin("2026-03-29 01:30")) == berlin("2026-03-29 03:00").astimezone(UTC)


@checked
@given(schedules, instants, st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8))
def test_next_change_is_never_late(schedule, now, fractions):
    found = schedule.next_change(now)
    state = schedule.active(now)
    start = now.astimezone(UTC)
    end = start + timedelta(days=400) if found is None else found
    assert end > start
    last = end - timedelta.resolution
    within = [min(start + (end - start) * fraction, last) for fraction in fractions]
    assert {schedule.active(at) for at in [*within, last]} == {state}


@checked
@given(schedules, instants)
def test_it_is_not_needlessly_early(schedule, now):
    found = schedule.next_change(now)
    if found is not None and found - now.astimezone(UTC) < timedelta(days=8):
        assert schedule.active(found) is not schedule.active(now)


def test_holidays_do_not_end_before_they_begin():
    assert Days(date(2026, 10, 3), date(2026, 10, 3)).last == date(2026, 10, 3)
    with pytest.raises(ValueError, match="before they begin"):
        Days(date(2026, 10, 3), date(2026, 10, 2))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (LESSONS, "Mon Tue Wed Thu Fri 08:00-13:00, not in the holidays"),
        (replace(NIGHT, holidays=Holidays.ONLY), "Fri 22:00-06:00, in the holidays only"),
        (Schedule(frozenset(), (), BERLIN), "no day at no time"),
    ],
)
def test_in_words(schedule, expected):
    assert str(schedule) == expected
