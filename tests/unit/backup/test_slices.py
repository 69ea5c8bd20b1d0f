"""That every unit is verified within a month."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.backup import slices

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
GAPS = st.lists(st.timedeltas(timedelta(minutes=5), slices.NEXT), min_size=1, max_size=40)


@given(GAPS, st.dictionaries(st.integers(0, slices.SLICES - 1), st.timedeltas(timedelta(), timedelta(days=400))))
def test_each_slice_is_verified_again_within_a_month_however_drills_fall(gaps, ages):
    now = NOW
    verified = {number: now - age for number, age in ages.items()}
    verified |= dict.fromkeys(slices.due(verified, now), now)
    for gap in gaps:
        now += gap
        assert all(now - verified[number] <= slices.WITHIN for number in range(slices.SLICES))
        due = slices.due(verified, now)
        assert due
        verified |= dict.fromkeys(due, now)


def test_the_first_drill_verifies_all_and_each_week_after_it_one():
    verified, now = {}, NOW
    first = slices.due(verified, now)
    assert sorted(first) == [0, 1, 2, 3]
    verified |= dict.fromkeys(first, now)
    seen = []
    for _ in range(12):
        now += WEEK
        due = slices.due(verified, now)
        seen.append(due)
        verified |= dict.fromkeys(due, now)
    assert seen == [(0,), (1,), (2,), (3,)] * 3


def test_a_week_without_power_is_made_up_for():
    verified = {0: NOW - 4 * WEEK, 1: NOW - 3 * WEEK, 2: NOW - 2 * WEEK, 3: NOW - WEEK}
    assert slices.due(verified, NOW) == (0,)
    assert slices.due(verified, NOW + WEEK) == (0, 1)


def test_what_lies_ahead_of_the_clock_counts_as_never_verified():
    verified = dict.fromkeys(range(4), NOW)
    assert sorted(slices.due(verified, NOW - timedelta(days=1))) == [0, 1, 2, 3]


def test_the_last_time_counts():
    done = [(NOW, (0, 2)), (NOW - WEEK, (0, 1)), (NOW - 2 * WEEK, (2,))]
    assert slices.last(done) == {0: NOW, 1: NOW - WEEK, 2: NOW}
