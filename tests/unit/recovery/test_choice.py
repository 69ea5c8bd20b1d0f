"""Which snapshot a recovery takes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.backup.problem import BackupError
from appliance.recovery.choice import chosen

SNAPSHOTS = [
    {"name": "2026-10-01T010203", "dump": False},
    {"name": "2026-11-20T010203", "dump": True},
    {"name": "2026-11-20T233000", "dump": True},
    {"name": "2026-11-21T010203", "dump": True},
    {"name": "2026-11-22T010203", "dump": False},
    {"name": "../etc", "dump": True},
]
BERLIN, NOW = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_newest_with_a_dump_is_taken():
    assert chosen(SNAPSHOTS, None, BERLIN, NOW) == "2026-11-21T010203"


def test_the_last_of_a_day_is_taken_in_the_school_s_zone():
    assert chosen(SNAPSHOTS, "2026-11-20", BERLIN, NOW) == "2026-11-20T010203"
    assert chosen(SNAPSHOTS, "2026-11-21", BERLIN, NOW) == "2026-11-21T010203"


def test_the_one_that_is_named_is_taken():
    assert chosen(SNAPSHOTS, "2026-11-20T233000", BERLIN, NOW) == "2026-11-20T233000"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("2026-10-01", "the files only"),
        ("2026-01-01", "there are some of 2026-11-20, 2026-11-21"),
        ("2026-10-01T010203", "the files only"),
        ("today", "the files only"),
        ("../etc", "day"),
    ],
)
def test_what_cannot_be_brought_back_is_told(wanted, told):
    with pytest.raises(BackupError, match=told):
        chosen(SNAPSHOTS, wanted, BERLIN, NOW)


def test_a_server_without_snapshots_is_told():
    with pytest.raises(BackupError, match="there is no snapshot yet"):
        chosen([], None, BERLIN, NOW)
