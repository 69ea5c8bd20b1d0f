"""Numbers that two have at once: who, and nobody else."""

from uuid import uuid4

import pytest

from appliance.directory.numbers import Shared, shared_numbers
from appliance.directory.records import DirectoryAccount, DirectoryGroup, DirectoryState
from appliance.policy.account import GroupKind, Role
from appliance.supervisor.numbers import Numbers


def school(accounts, groups):
    people = [DirectoryAccount(uuid4(), login, uid, "", "", "", "", Role.PUPIL) for login, uid in accounts.items()]
    clubs = [DirectoryGroup(name, GroupKind.CLUB, gid, name, ()) for name, gid in groups.items()]
    return DirectoryState(tuple(people), tuple(clubs), "1")


APART = school({"anna": 20000, "fred": 20001}, {"chor": 20002})


@pytest.mark.parametrize(
    ("accounts", "groups", "found"),
    [
        ({"fred": 20001}, {"chor": 20001}, Shared(20001, ("fred",), ("chor",))),
        ({"fred": 20001, "anna": 20001}, {"chor": 20002}, Shared(20001, ("anna", "fred"), ())),
        ({"fred": 20001}, {"chor": 20002, "band": 20002}, Shared(20002, (), ("band", "chor"))),
    ],
)
def test_who_has_a_number_that_another_has(accounts, groups, found):
    assert shared_numbers(school(accounts, groups)) == (found,)


def test_nobody_where_each_has_his_own():
    assert shared_numbers(APART) == ()


def test_in_words():
    assert str(Shared(20001, ("anna", "fred"), ("chor",))) == "account anna and account fred and group chor"


def test_status_has_a_row_without_names_and_only_where_there_is_something_to_say():
    now = [None]
    numbers = Numbers(lambda: now[0])
    assert numbers.check() is None
    now[0] = school({"fred": 20001}, {"chor": 20001})
    row = numbers.check()
    assert row is not None
    assert not row["ok"]
    assert row["text"].startswith("1 with more than one owner")
    assert "fred" not in row["text"]
    now[0] = APART
    assert numbers.check() is None
