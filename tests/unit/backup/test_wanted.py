"""What may be brought back, and from which copy."""

from zoneinfo import ZoneInfo

import pytest

from appliance.backup.problem import BackupError
from appliance.backup.restore import Wanted

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = ["2026-11-19T003000", "2026-11-20T003000", "2026-11-20T233000"]


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "..", "a/../../b", "a//b", "./a", "a/", "a\0b", "a\nb", "x" * 2049]
)
def test_a_path_stays_below_the_home(path):
    with pytest.raises(BackupError) as caught:
        Wanted("fred", 20001, path)
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    ("login", "date"), [("../fred", None), ("", None), ("fred", "yesterday"), ("fred", "2026-1-1")]
)
def test_logins_and_dates_are_what_they_are(login, date):
    with pytest.raises(BackupError):
        Wanted(login, 20001, "a", date)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (None, "2026-11-20T233000"),
        ("2026-11-20", "2026-11-20T003000"),
        ("2026-11-21", "2026-11-20T233000"),
        ("2026-11-19T003000", "2026-11-19T003000"),
    ],
)
def test_a_day_is_one_of_the_school(date, expected):
    assert Wanted("fred", 20001, "a letter.odt", date).chosen(NAMES, BERLIN) == expected


def test_no_copy():
    for date, names in (("2026-11-22", NAMES), ("2026-11-18T003000", NAMES), (None, [])):
        with pytest.raises(BackupError) as caught:
            Wanted("fred", 20001, "a", date).chosen(names, BERLIN)
        assert caught.value.kind == "no-copy"
