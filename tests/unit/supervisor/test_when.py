"""Instants as a carer types them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.supervisor.verb import VerbError
from appliance.supervisor.when import end, end_today, instant, shown

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-23 09:30", "2026-11-23 08:30"),
        ("2026-07-23 09:30", "2026-07-23 07:30"),
        ("2026-11-23T09:30+00:00", "2026-11-23 09:30"),
        (" 2026-11-23 ", "2026-11-22 23:00"),
    ],
)
def test_an_instant_is_in_the_schools_zone_unless_it_says_otherwise(text, utc):
    assert instant("at", text, BERLIN) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-18", "2026-12-18 23:00"),  # the day is over at midnight
        ("2026-10-25", "2026-10-25 23:00"),  # a day of 25 hours
        ("2026-12-18 13:00", "2026-12-18 12:00"),
    ],
)
def test_a_lock_until_a_day_holds_that_day_too(text, utc):
    assert end("until", text, BERLIN) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("10:35", "2026-11-23 09:35"),
        (" 7:05 ", "2026-11-23 06:05"),
        ("2026-11-24 10:35", "2026-11-24 09:35"),
        ("2026-11-24", "2026-11-24 23:00"),
    ],
)
def test_a_time_of_day_alone_is_one_of_today(text, utc):
    now = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
    assert end_today("until", text, BERLIN, now) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["24:00", "10:60", "10:3", "99:99"])
def test_what_no_clock_shows_is_no_time_of_today(text):
    with pytest.raises(VerbError, match=r"'until'.*a time of today such as 10:35"):
        end_today("until", text, BERLIN, datetime(2026, 11, 23, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "18.12.2026", "2026-13-01", "2026-12-18 25:00", "9999-12-31", "0001-01-01T00:00-01:00"]
)
def test_anything_else_names_the_argument(text):
    with pytest.raises(VerbError, match="'until'"):
        end("until", text, BERLIN)


def test_instants_are_shown_in_the_schools_zone():
    assert shown(datetime(2026, 12, 18, 23, tzinfo=UTC), BERLIN) == "2026-12-19 00:00"
    assert shown(None, BERLIN) == "never"
