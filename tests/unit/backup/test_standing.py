"""When what there is counts as well, and how often a night tries."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.backup.standing import (
    Record,
    failures_in_a_row,
    judged,
    read,
    to_be_tried_again,
    write,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SET_UP = NOW - timedelta(days=300)
DAY = 30 * 3600


def test_well_while_the_last_backup_is_young_enough():
    record = Record(set_up=SET_UP, succeeded=NOW - timedelta(hours=10))
    assert judged(record, DAY, NOW) == (True, "the last backup was made 10 h ago")
    assert judged(record, 5 * 3600, NOW)[0] is False
    well, text = judged(replace(record, problem="no answer"), DAY, NOW)
    assert well
    assert "since then: no answer" in text
    assert judged(Record(), DAY, NOW)[0] is False
    late = Record(set_up=NOW - timedelta(hours=31))
    assert judged(late, DAY, NOW) == (False, "no backup yet, set up 31 h ago")


def test_a_first_one_that_failed_is_not_well_however_young():
    record = Record(set_up=NOW - timedelta(minutes=2), tried=NOW, problem="it does not take our key")
    assert judged(record, DAY, NOW)[0] is False
    assert judged(replace(record, succeeded=NOW - timedelta(hours=1)), DAY, NOW)[0] is True


def test_one_that_is_not_whole_is_not_well():
    done = NOW - timedelta(hours=10)
    record = Record(set_up=SET_UP, tried=done, succeeded=done, left_out="some files are missing")
    assert judged(record, DAY, NOW) == (False, "the last backup was made 10 h ago, but some files are missing")
    assert not judged(replace(record, tried=NOW), DAY, NOW)[0]  # while the next one is made


def test_what_is_being_done_and_what_to_know_is_told_and_makes_nothing_red():
    record = Record(set_up=SET_UP, succeeded=NOW, progress=(250, 1000, "sending homes"), warnings=("the disk ends",))
    plain = replace(record, encrypted_here=False, encrypted_there=False)
    assert judged(plain, DAY, NOW) == (
        True,
        "the last backup was made 0 h ago; one is being made: sending homes, 25 %; "
        "the disk is NOT ENCRYPTED here and on the backup server; the disk ends",
    )
    assert "NOT ENCRYPTED on the backup server" in judged(replace(plain, encrypted_here=None), DAY, NOW)[1]
    assert "ENCRYPTED" not in judged(replace(record, encrypted_here=True), DAY, NOW)[1]


def test_a_night_tries_six_times_and_the_next_begins_anew():
    record = Record(tried=NOW, failures=5)
    assert to_be_tried_again(record)
    assert not to_be_tried_again(replace(record, failures=6))
    assert failures_in_a_row(record, NOW + timedelta(minutes=40)) == 5
    assert failures_in_a_row(record, NOW + timedelta(hours=20)) == 0
    assert failures_in_a_row(record, NOW - timedelta(days=3)) == 0, "a clock that was put back"
    assert failures_in_a_row(Record(), NOW) == 0


def test_kept_and_read_again(tmp_path):
    assert read(tmp_path) == Record()
    record = Record(
        SET_UP, None, NOW, "why", 2, (1, 2, "sending"), "2026-11-21T010000", {"files": 3}, "x", 7, 8, True, None, ("a",)
    )
    write(tmp_path, record, None)
    assert read(tmp_path) == record
    before = {"set_up": SET_UP.isoformat(), "tried": None, "succeeded": NOW.isoformat(), "problem": None, "free": 7}
    (tmp_path / "record.json").write_text(json.dumps(before))
    assert read(tmp_path) == Record(set_up=SET_UP, succeeded=NOW, free=7), "as an earlier version wrote it"
    for broken in ("", "{", '{"set_up": "yesterday"}', "{}", "[]"):
        (tmp_path / "record.json").write_text(broken)
        with pytest.raises(ValueError):
            read(tmp_path)
