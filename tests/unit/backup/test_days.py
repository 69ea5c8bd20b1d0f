"""Which snapshot a carer means."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.backup.days import meant
from appliance.backup.problem import BackupError

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = ["2026-11-18T003000", "2026-11-20T003000", "2026-11-20T233000", "2026-11-21T233000"]
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, "2026-11-21T233000"),
        ("today", "2026-11-21T233000"),
        ("heute", "2026-11-21T233000"),
        ("Sunday", "2026-11-21T233000"),
        ("yesterday", "2026-11-20T233000"),
        ("Samstag", "2026-11-20T233000"),
        ("2026-11-20", "2026-11-20T003000"),
        ("wednesday", "2026-11-18T003000"),
        ("2026-11-20T003000", "2026-11-20T003000"),
    ],
)
def test_a_day_is_one_of_the_school(said, expected):
    assert meant(said, NAMES, BERLIN, NOW) == expected


def test_a_day_without_a_snapshot_is_answered_with_those_that_have_one():
    with pytest.raises(BackupError) as caught:
        meant("2026-11-19", NAMES, BERLIN, NOW)
    assert caught.value.kind == "no-copy"
    assert caught.value.text.endswith("there are some of 2026-11-18, 2026-11-20, 2026-11-21, 2026-11-22")
    with pytest.raises(BackupError, match="no snapshot yet"):
        meant("today", [], BERLIN, NOW)


@pytest.mark.parametrize("said", ["", "x", "2026-1-1", "2026-02-30", "someday", "-1"])
def test_what_is_no_day(said):
    with pytest.raises(BackupError) as caught:
        meant(said, NAMES, BERLIN, NOW)
    assert caught.value.kind == "refused"


def test_the_clock_is_set_back_at_night():
    names = ["2026-10-24T220500", "2026-10-25T220500", "2026-10-25T230500"]
    now = datetime(2026, 10, 26, 9, tzinfo=UTC)
    assert meant("sunday", names, BERLIN, now) == "2026-10-25T220500"
    assert meant("2026-10-26", names, BERLIN, now) == "2026-10-25T230500"
