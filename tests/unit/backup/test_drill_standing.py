"""When drills count as well, and since when they do not."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup import drill_standing
from appliance.backup.drill_result import Result, Tried, decode, encode

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WELL = Result(
    began=NOW - DAY,
    ended=NOW - DAY + timedelta(minutes=5),
    snapshot="2026-11-21T020304",
    copies=23,
    tried={"pupil": Tried(5, 50), "mailbox": Tried(1, 300)},
    slices=(2,),
    files=50_000,
    bytes=10**10,
    dumped=True,
)
BAD = replace(WELL, faults={"homes": {"content": 2, "owner": 1}, "mail": {"missing": 1}})
COUNTS = st.integers(0, 10**12)
FAULTS = st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=5), COUNTS))


@given(st.tuples(*[COUNTS] * 4), st.lists(COUNTS), st.booleans(), FAULTS)
def test_a_result_is_read_as_it_was_written(counts, slices, dumped, faults):
    copies, units, files, size = counts
    tried = {"pupil": Tried(units, files)}
    result = replace(WELL, copies=copies, tried=tried, slices=tuple(slices), bytes=size, dumped=dumped, faults=faults)
    assert decode(encode(result)) == result


@given(st.binary(max_size=200))
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match=""):
        decode(data)


@given(st.sampled_from(sorted(json.loads(encode(WELL)))), st.none() | st.booleans() | st.integers() | st.text())
def test_a_result_with_another_value_is_refused_or_a_result(key, value):
    body = json.loads(encode(WELL))
    body[key] = value
    with contextlib.suppress(ValueError):
        assert encode(decode(json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("found", "problem", "well", "said"),
    [
        ([WELL], None, True, "the last drill was 24 h ago and found nothing wrong"),
        ([WELL, BAD], None, True, "nothing wrong"),
        ([BAD, WELL], None, False, "found 3 fault(s) in homes, 1 fault(s) in mail, faults since 2026-11-21"),
        ([replace(WELL, began=NOW - 11 * DAY)], None, False, "the last drill was 11 days ago and found nothing wrong"),
        ([WELL], "the second place gives no answer", True, "; since then: the second place gives no answer"),
        ([replace(WELL, began=NOW + DAY)], None, True, "the last drill was 0 h ago"),
        ([], None, True, "no drill yet, set up 3 days ago"),
    ],
)
def test_what_counts_as_well(found, problem, well, said):
    ok, text = drill_standing.judged(found, NOW - 3 * DAY, problem, NOW)
    assert (ok, said in text) == (well, True), text


def test_a_school_without_any_drill_is_not_well_after_ten_days():
    assert not drill_standing.judged([], NOW - 11 * DAY, None, NOW)[0]


def test_since_when_goes_back_to_the_last_good_one():
    row = [replace(BAD, began=NOW - number * DAY) for number in range(3)]
    assert drill_standing.bad_since([*row, WELL, replace(BAD, began=NOW - 9 * DAY)]) == NOW - 2 * DAY
    assert drill_standing.bad_since([WELL, *row]) is None
    assert drill_standing.bad_since([]) is None


def test_damaged_results_are_passed_over(tmp_path):
    assert list(drill_standing.results(tmp_path / "none")) == []
    tmp_path.joinpath("2026-11-21T020304.json").write_bytes(encode(WELL))
    tmp_path.joinpath("2026-11-22T020304.json").write_bytes(b"{")
    tmp_path.joinpath("2026-11-21T020304.json.sig").write_bytes(b"")
    found = drill_standing.results(tmp_path)
    assert [(path.name, result) for path, result in found] == [("2026-11-21T020304.json", WELL)]
