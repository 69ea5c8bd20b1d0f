"""The list of deleted accounts at the school: no names in it, and who is deleted again by it."""

import os
from datetime import date, timedelta

import pytest

from appliance.backup.deletions import Deletions, Gone
from appliance.backup_server import deleted as over_there

TODAY = date(2026, 3, 1)
FRED, ERIKA = ("fred.mustermann", 20001), ("erika.lehmann", 20002)


@pytest.fixture
def state(tmp_path):
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "backup").mkdir()
    return tmp_path


@pytest.fixture
def deletions(state):
    return Deletions(state)


def test_the_list_names_nobody_and_the_backup_server_can_read_it(deletions, state):
    deletions.note(*FRED, TODAY)
    deletions.note(*FRED, TODAY + timedelta(days=1))
    listed = deletions.listed()
    assert b"fred" not in listed
    assert [key[0] for key in over_there.read(listed)] == [20001]
    assert (state / "supervisor" / "deleted" / "list").stat().st_mode & 0o077 == 0
    other = Deletions(state / "other")
    (state / "other" / "supervisor").mkdir(parents=True)
    other.begin()
    assert other.gone(*FRED) != deletions.gone(*FRED)


def test_a_login_is_kept_until_it_was_asked_for(deletions):
    deletions.note(*FRED, TODAY)
    assert deletions.waiting() == [FRED]
    deletions.keep_asked([deletions.gone(*FRED)], None)
    deletions.note(*ERIKA, TODAY)
    assert deletions.waiting() == [ERIKA]
    assert deletions.asked() == {deletions.gone(*FRED)}


def test_what_is_very_old_leaves_the_list(deletions):
    deletions.note(*FRED, TODAY - timedelta(days=500))
    deletions.note(*ERIKA, TODAY)
    assert [key[0] for key in over_there.read(deletions.listed())] == [20002]


def test_deleted_since_the_snapshot_is_deleted_again(deletions):
    for login, uid, day in ((*FRED, TODAY), (*ERIKA, TODAY - timedelta(days=9))):
        deletions.note(login, uid, day)
    assert deletions.ordered({}) is None
    assert deletions.order(deletions.listed(), TODAY - timedelta(days=1), None) == 1
    accounts = dict([FRED, ERIKA, ("somebody.else", 20003)])
    assert (deletions.ordered(accounts).sure, deletions.ordered(accounts).unsure) == ((FRED,), 0)
    deletions.done()
    assert deletions.ordered(accounts) is None


def test_the_number_of_a_deleted_one_with_another_login_is_left_to_a_person(deletions):
    deletions.note(*FRED, TODAY)
    deletions.order(deletions.listed(), TODAY, None)
    again = deletions.ordered({"fred.meier": 20001, "fred.mustermann": 20009})
    assert (again.sure, again.unsure) == ((), 1)


def test_without_the_key_nobody_is_deleted(deletions, state):
    deletions.note(*FRED, TODAY)
    deletions.order(deletions.listed(), TODAY, None)
    (state / "supervisor" / "deleted" / "key").unlink()
    with pytest.raises(OSError, match="key"):
        deletions.ordered(dict([FRED]))


def test_half_written_lines_are_passed_over(deletions, state):
    deletions.note(*FRED, TODAY)
    with (state / "supervisor" / "deleted" / "list").open("ab") as file:
        file.write(b"2026-03-")
    deletions.note(*ERIKA, TODAY)
    assert len(over_there.read(deletions.listed())) == 2
    (state / "backup" / "asked").write_text("x y\n20001 abc\n7")
    assert deletions.asked() == {Gone(20001, "abc")}
    assert os.listdir(state / "backup") == ["asked"]
