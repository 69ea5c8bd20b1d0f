"""Which snapshots and dumps stay, and how they are called."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server.names import SNAPSHOT, moment, next_name
from appliance.backup_server.retention import kept, kept_dumps

BEGIN = datetime(2024, 1, 1, 2, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def named(when):
    return next_name(when, [])


def nights(count):
    return [named(BEGIN + timedelta(days=number)) for number in range(count)]


def test_days_then_weeks_then_months_stay():
    stay = sorted(kept(nights(365), 7, 4, 12))
    assert stay[-7:] == nights(365)[-7:]
    gaps = [moment(later) - moment(earlier) for earlier, later in pairwise(stay)]
    assert max(gaps) <= timedelta(days=31)
    assert len({name[:7] for name in stay}) == 12


def test_all_of_the_last_two_days_stay():
    several = [named(BEGIN + timedelta(hours=number)) for number in range(48)]
    assert kept(several, 1, 1, 1) == frozenset(several)


@given(st.lists(MOMENTS, unique=True, max_size=40), st.integers(1, 20))
def test_the_newest_stays_and_thinning_twice_removes_no_more(moments, days):
    names = sorted({named(when) for when in moments})
    stay = kept(names, days, 8, 12)
    assert set(names[-1:]) <= stay <= set(names)
    assert kept(sorted(stay), days, 8, 12) == stay


def test_dumps_go_with_their_time_and_the_newest_stays():
    names = nights(100)
    assert kept_dumps(names, names, 30) == frozenset(names[-31:])
    assert kept_dumps(names[:5], names, 30) == {names[4]}
    assert kept_dumps(["2020-01-01T000000"], names, 30) == frozenset()
    assert kept_dumps([], names, 30) == frozenset()


@given(MOMENTS, st.lists(MOMENTS, max_size=4))
def test_a_name_is_later_than_all_before_wherever_the_clock_is(now, before):
    names = [named(when) for when in before]
    name = next_name(now, names)
    assert SNAPSHOT.fullmatch(name)
    assert all(name > one for one in names)
    assert moment(name) >= now.replace(microsecond=0)
