"""When the lists are well, in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.filter.record import Kept, Record, Version, read, write
from appliance.filter.sources import Item
from appliance.filter.standing import judged

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
STALE = 14 * 86400
LISTS = tuple(Item(f"https://lists.example/{name}", "domains", (name,)) for name in ("adult", "vpn"))
FRESH = Kept(Version(), NOW, NOW - timedelta(hours=5), {"adult": 10})


def stood(*kept, **more):
    entries = {"adult": 1000, "vpn": 234}
    record = Record(
        dict(zip((item.key for item in LISTS), kept, strict=False)), NOW, NOW, "stamp", more.pop("entries", entries)
    )
    return judged(replace(record, **more), LISTS, {"adult", "vpn"}, STALE, NOW)


def test_all_well():
    assert stood(FRESH, FRESH) == (True, "1,234 entries in 2 categories, the oldest list is of 5 h ago")


def test_a_refused_list_is_told_and_becomes_bad_with_age():
    refused = replace(FRESH, problem="line 7 would cover all of 'de'", refused=True)
    ok, text = stood(FRESH, refused)
    assert ok and "1 not renewed, see: schoolserver web lists" in text
    ok, text = stood(FRESH, replace(refused, checked=NOW - timedelta(days=15)))
    assert not ok
    assert text == (
        "stale: vpn (https://lists.example/vpn) (vpn: line 7 would cover all of 'de'); "
        "try: schoolserver web lists update"
    )


def test_a_closed_category_without_a_list_closes_nothing():
    ok, text = stood(FRESH, Kept(problem="the server answers 404"), entries={"adult": 1000})
    assert not ok
    assert text == "nothing is blocked of vpn: no list has it (vpn: the server answers 404) (see web.yaml)"


def test_a_new_server_has_none():
    assert judged(Record(), LISTS, set(), STALE, NOW) == (True, "not needed: no category is closed")
    ok, text = judged(Record(), LISTS, {"adult"}, STALE, NOW)
    assert not ok and text.startswith("nothing is blocked yet: no lists were fetched; try")


def test_an_index_that_could_not_be_made():
    ok, text = stood(FRESH, FRESH, problem="no new index could be made: disk full")
    assert not ok and "disk full; the former one goes on" in text


def test_the_record_reads_back(tmp_path):
    assert read(tmp_path) == Record()
    record = Record({LISTS[0].key: FRESH}, NOW, None, "stamp", {"adult": 10}, 2, "x")
    write(tmp_path, record)
    assert read(tmp_path) == record


@pytest.mark.parametrize("text", ["{}", "[]", '{"lists": {"a": 7}}', "no json"])
def test_a_record_of_another_version(tmp_path, text):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(ValueError, match=r"another version|Expecting"):
        read(tmp_path)
