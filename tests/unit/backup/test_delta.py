"""What is sent is what the base does not have, and with it everything is over there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup.delta import Base, chosen, to_send
from appliance.backup.units import Unit
from appliance.backup_server.manifest import Entry, Section

NAMES = st.sampled_from([b".", b"a", b"b", b"c\nd", b"\xff"])
FILES = st.dictionaries(NAMES, st.integers(0, 3), max_size=5)


def section(files):
    entries = [Entry("f", 0o644, 1, 1, 0, size, "-", "-", path) for path, size in files.items()]
    return Section.of("homes", "fred", 1, "0" * 32, entries)


@given(FILES, FILES, st.frozensets(NAMES))
def test_with_what_is_sent_the_snapshot_is_whole(now, before, lost):
    sent = set(to_send(section(now), section(before), lost))
    there = {path: size for path, size in before.items() if path not in lost and now.get(path) == size}
    assert {**there, **{path: now[path] for path in sent}} == now
    assert not sent & set(there), "nothing is sent that is there"


@given(FILES)
def test_without_a_base_all_is_sent(now):
    assert sorted(to_send(section(now), None, ())) == sorted(now)
    assert list(to_send(section(now), section(now), ())) == []


@given(st.frozensets(st.binary(max_size=8)))
def test_kept_and_read_again(missing):
    unit = Unit("homes", "Übung")
    base = Base("ab" * 32, {unit: "cd" * 32}, {unit: missing})
    assert Base.decode(base.encode()) == base


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"{}", b'{"index": 1, "sections": [1], "missing": []}'])
def test_a_broken_one_is_none(broken):
    with pytest.raises(ValueError):
        Base.decode(broken)


def test_only_the_very_snapshot_that_is_over_there_is_a_base():
    known = Base("ab" * 32, {Unit("homes", "fred"): "cd" * 32})
    assert chosen([Base("ee" * 32), known], "ab" * 32) is known
    assert chosen([known], "ff" * 32) == Base()
    assert chosen([Base(), known], None) == Base()
