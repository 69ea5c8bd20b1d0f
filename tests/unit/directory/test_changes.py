"""What counters and filters say; that changes are found by them is for the integration tests."""

import pytest

from appliance.directory.changes import any_of, first
from appliance.directory.changes_openldap import Standing
from appliance.directory.link import Entry

QUIET = Standing((b"1",), 0, (3, 4, 5, 1, 1), (3, 4, 5, 1, 1))


def after(*more, ended=None):
    begun = tuple(one + new for one, new in zip(QUIET.begun, more, strict=True))
    return Standing((b"2",), 0, begun, begun if ended is None else ended)


@pytest.mark.parametrize(
    ("now", "written"),
    [
        (after(0, 0, 0, 0, 0), 0),
        (after(1, 0, 0, 0, 0), 1),
        (after(1, 2, 3, 0, 0), 6),
        (after(1, 2, 3, 0, 0, ended=QUIET.ended), 6),  # it is under way: what it changes is there or comes later
        (after(0, 1, 0, 1, 0), None),  # something was deleted
        (after(0, 1, 0, 0, 1), None),  # something was renamed
        (after(-1, 0, 0, 0, 0), None),  # another slapd
        (Standing((b"2",)), None),
    ],
)
def test_counters_say_how_much_can_have_changed(now, written):
    assert now.written_since(QUIET) == written


def test_what_was_under_way_before_is_told_by_no_counter():
    before = Standing((b"1",), 0, (3, 5, 5, 1, 1), (3, 4, 5, 1, 1))
    assert after(0, 1, 0, 0, 0).written_since(before) is None
    assert QUIET.written_since(Standing((b"1",))) is None


def test_any_bytes_can_be_asked_for():
    assert any_of("objectGUID", [b"\x00)*", "ä".encode()]) == r"(|(objectGUID=\00\29\2a)(objectGUID=\c3\a4))"


def test_the_first_value():
    entry = Entry("cn=x", {"uid": [b"a", b"b"], "mail": []})
    assert (first(entry, "uid"), first(entry, "mail"), first(entry, "cn")) == (b"a", b"", b"")
