"""Instants as a carer types them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.supervisor.verb import VerbError
from appliance.supervisor.when import end, instant, shown

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


@pytest.mark.parametrize("text", ["", "tomorrow", "18.12.2026", "2026-13-01", "2026-12-18 25:00"])
def test_anything_else_names_the_argument(text):
    with pytest.raises(VerbError, match="'until'"):
        end("until", text, BERLIN)


def test_instants_are_shown_in_the_schools_zone():
    assert shown(datetime(2026, 12, 18, 23, tzinfo=UTC), BERLIN) == "2026-12-19 00:00"
    assert shown(None, BERLIN) == "never"
