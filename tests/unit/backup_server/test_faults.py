"""What counts as a difference, and how units are dealt."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server.faults import Fault, differences, slice_of
from appliance.backup_server.manifest import Entry

FILE = Entry("f", 0o640, 20001, 20001, 1_600_000_000_000_000_123, 5, "a" * 64, "b" * 32, b"letter")
UNSTEADY = replace(FILE, content="?")


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (FILE, ()),
        (replace(FILE, content="c" * 64), ("content",)),
        (replace(FILE, size=4, content="c" * 64), ("size",)),
        (replace(FILE, mode=0o644), ("mode",)),
        (replace(FILE, uid=0), ("owner",)),
        (replace(FILE, gid=0), ("owner",)),
        (replace(FILE, mtime_ns=FILE.mtime_ns + 1), ("time",)),
        (replace(FILE, attributes="-"), ("attrs",)),
        (replace(FILE, kind="l", mode=0o777), ("type",)),
        (replace(FILE, uid=0, mode=0o4755), ("owner", "mode")),
    ],
)
def test_each_thing_that_is_wrong_has_its_name(found, faults):
    assert differences(FILE, found) == faults


def test_what_did_not_hold_still_is_compared_without_its_content():
    assert differences(UNSTEADY, replace(FILE, size=9, mtime_ns=1, content="c" * 64)) == ()
    assert differences(UNSTEADY, replace(FILE, uid=0)) == (Fault.OWNER,)
    assert differences(UNSTEADY, replace(FILE, kind="d")) == (Fault.TYPE,)


@given(st.text(max_size=20), st.integers(1, 100))
def test_a_unit_is_always_in_the_same_slice(name, of):
    assert 0 <= slice_of(name, of) < of
    assert slice_of(name, of) == slice_of(name, of)


def test_slices_are_of_about_the_same_size():
    many = [0, 0, 0, 0]
    for number in range(4000):
        many[slice_of(f"homes/pupil.number{number}", 4)] += 1
    assert min(many) > 900
    assert max(many) < 1100
