"""When a copy is due, and when what there is counts as well."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.backup.standing import Record, judged, next_due, read, write

BERLIN = ZoneInfo("Europe/Berlin")
AT = time(1, 30)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def due(record, now="2026-11-21 12:00"):
    found = next_due(record, AT, BERLIN, at(now))
    return found and f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Record(), None),
        (Record(set_up=at("2026-11-21 09:00")), "2026-11-22 01:30"),
        (Record(set_up=at("2026-11-20 00:10")), "2026-11-20 01:30"),
        (Record(set_up=at("2026-01-01 00:00"), succeeded=at("2026-11-21 01:34")), "2026-11-22 01:30"),
        (Record(set_up=at("2026-01-01 00:00"), succeeded=at("2026-11-18 01:34")), "2026-11-19 01:30"),
        (Record(set_up=at("2026-01-01 00:00"), succeeded=at("2026-12-24 00:00")), "2026-11-22 01:30"),
    ],
)
def test_each_night_and_a_missed_one_at_once(record, expected):
    assert due(record) == expected


def test_a_failed_one_is_tried_again_an_hour_later():
    failed = Record(set_up=at("2026-01-01 00:00"), succeeded=at("2026-11-20 01:34"), tried=at("2026-11-21 01:30"))
    assert due(replace(failed, problem="the line broke")) == "2026-11-21 02:30"


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
def test_once_in_the_nights_when_the_clock_changes(day):
    done = at(f"{day} 01:31")
    first = next_due(Record(set_up=done, succeeded=done), time(2, 30), BERLIN, done)
    again = next_due(Record(set_up=done, succeeded=first), time(2, 30), BERLIN, first)
    assert timedelta(hours=22) < again - first < timedelta(hours=26)


def test_well_while_the_last_copy_is_young_enough():
    now = at("2026-11-21 12:00")
    record = Record(set_up=at("2026-01-01 00:00"), succeeded=at("2026-11-21 02:00"))
    assert judged(record, 30 * 3600, now) == (True, "the last copy was made 10 h ago")
    assert judged(record, 5 * 3600, now)[0] is False
    well, text = judged(replace(record, problem="no answer"), 30 * 3600, now)
    assert well
    assert "since then: no answer" in text
    assert judged(Record(), 30 * 3600, now)[0] is False
    assert judged(Record(set_up=now - timedelta(hours=31)), 30 * 3600, now) == (False, "no copy yet, set up 31 h ago")


def test_a_first_copy_that_failed_is_not_well_however_young():
    now = at("2026-11-21 12:00")
    record = Record(set_up=now - timedelta(minutes=2), tried=now, problem="the second place does not take our key")
    assert judged(record, 30 * 3600, now)[0] is False
    later = replace(record, succeeded=now - timedelta(hours=1))
    assert judged(later, 30 * 3600, now)[0] is True


def test_a_copy_that_is_not_whole_is_not_well():
    now, done = at("2026-11-21 12:00"), at("2026-11-21 02:00")
    record = Record(set_up=at("2026-01-01 00:00"), tried=done, succeeded=done, left_out="some files are missing")
    assert judged(record, 30 * 3600, now) == (False, "the last copy was made 10 h ago, but some files are missing")
    assert not judged(replace(record, tried=now), 30 * 3600, now)[0]  # while the next one is made


def test_kept_and_read_again(tmp_path):
    assert read(tmp_path) == Record()
    record = Record(at("2026-01-01 00:00"), None, at("2026-11-21 02:00"), "why", "2026-11-21T010000", {"files": 3}, 7)
    write(tmp_path, record, None)
    assert read(tmp_path) == record
    for broken in ("", "{", '{"set_up": "yesterday"}', "{}", "[]"):
        (tmp_path / "record.json").write_text(broken)
        with pytest.raises(ValueError):
            read(tmp_path)
