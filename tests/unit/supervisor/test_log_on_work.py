"""Writing who may log on at PCs: a thousand at once, a directory that refuses or is away, and who waits for it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from appliance.directory.errors import DirectoryRefused, DirectoryUnavailable
from appliance.supervisor.log_on import SLICE, STUCK
from tests.unit.supervisor.log_on_school import WRITE, School
from tests.unit.supervisor.scenery import ANNA, FRED, account


@pytest.fixture
def school():
    made = School()
    made.look()
    return made


# -- a thousand at once ----------------------------------------------------------------------------------------------


def many(count=1000, **fields):
    return School(ANNA, *(account(f"pupil.n{number}", 30000 + number, **fields) for number in range(count)))


def test_a_thousand_changes_are_bounded_slices_in_which_a_lock_comes_first():
    school = many(log_on=False)  # a school year begins: all of them are opened
    school.look()
    begun = school.ticks
    assert school.log_on.work() < 0.1
    assert school.ticks - begun <= SLICE + WRITE
    assert 100 <= len(school.writes) < 200
    assert school.row()["ok"]
    assert (
        f"{1000 - len(school.writes)} account(s) wait since 08:00:00 UTC: they are being written"
        in school.row()["text"]
    )
    school.lock(ANNA)
    done = len(school.writes)
    school.log_on.work()
    assert school.writes[done] == (ANNA.login, False)
    school.run()
    assert all(person.log_on is (person.login != ANNA.login) for person in school.people.values())
    assert school.ticks - begun < 1001 * WRITE * 1.3


def test_a_lock_in_the_middle_of_a_slice_is_the_next_that_is_written():
    school = many(log_on=False)
    school.look()
    school.meanwhile = {10: lambda: school.lock(ANNA)}
    assert school.log_on.work() == 0.0
    school.log_on.work()
    assert school.writes[11] == (ANNA.login, False)


def test_what_closes_comes_before_what_opens_and_locks_before_both():
    shut, opened, locked = (account(name, 31000 + n) for n, name in enumerate(("b.shut", "a.opened", "c.locked")))
    school = School(shut, replace(opened, log_on=False), locked)
    del school.consents[shut.uid]
    school.look()
    school.lock(locked)
    assert school.run() == [(locked.login, False), (shut.login, False), (opened.login, True)]


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_directory_that_is_away_is_told_once_and_is_an_alarm_when_it_lasts(school, caplog):
    caplog.set_level("INFO")
    school.lock(FRED)
    school.problem = DirectoryUnavailable("connection refused")
    for _ in range(3):
        assert school.log_on.work() == pytest.approx(1.0)
        school.advance(1)
    assert school.row() == {
        "name": "log-on",
        "ok": True,
        "text": "1 account(s) wait since 08:00:00 UTC: connection refused",
    }
    school.advance(STUCK)
    assert not school.row()["ok"]
    school.problem = None
    assert school.run() == [(FRED.login, False)]
    assert school.row()["ok"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_an_account_that_is_refused_does_not_hold_up_the_others(school, caplog):
    school.refused = {ANNA.login: DirectoryRefused("insufficientAccessRights")}
    school.lock(ANNA)
    school.lock(FRED)
    assert school.run() == [(FRED.login, False)]
    row = school.row()
    assert (row["ok"], row["text"]) == (False, "1 account(s) wait since 08:00:00 UTC: insufficientAccessRights")
    assert school.log_on.work() <= 30.0
    assert len(caplog.records) == 1
    assert ANNA.login not in caplog.text
    school.refused = {}
    assert school.run() == []  # not asked again and again
    school.advance(31)
    assert school.run() == [(ANNA.login, False)]
    assert school.row()["ok"]


def test_a_right_that_is_missing_is_not_tried_a_thousand_times():
    school = many(log_on=False)
    school.refused = {login: DirectoryRefused("insufficientAccessRights") for login in school.people}
    school.look()
    begun = school.ticks
    assert school.log_on.work() == 30.0
    assert school.ticks - begun < 4 * WRITE
    assert (school.row()["ok"], school.row()["text"][:26]) == (False, "1000 account(s) wait since")


def test_single_accounts_that_are_refused_are_no_missing_right():
    school = many(40, log_on=False)
    people = [login for login in sorted(school.people) if login != ANNA.login]
    school.refused = {login: DirectoryRefused("constraintViolation") for login in people[::2]}
    school.look()
    assert school.log_on.work() == 1.0
    assert [login for login, _ in school.writes] == people[1::2]
    assert "20 account(s) wait" in school.row()["text"]


def test_who_locks_may_wait_until_pcs_go_by_it(school):
    school.run()
    school.lock(FRED)
    assert not school.log_on.reached(FRED.login, 0.0)  # nobody has compared it yet
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(school.log_on.reached, FRED.login, 10.0)
        school.run()
        assert waiting.result()
    school.problem = DirectoryUnavailable("connection refused")
    school.unlock(FRED)
    school.log_on.work()
    assert not school.log_on.reached(FRED.login, 0.01)
    assert school.log_on.reached(ANNA.login, 0.0)


def test_users_show_knows_whether_the_directory_has_it(school):
    school.run()
    assert not school.log_on.behind(FRED.login)
    school.problem = DirectoryUnavailable("connection refused")
    school.lock(FRED)
    school.log_on.work()
    assert school.log_on.behind(FRED.login)
    assert not school.log_on.behind(ANNA.login)
    school.problem = None
    school.run()
    assert not school.log_on.behind(FRED.login)
