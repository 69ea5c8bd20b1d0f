"""Who may log on at PCs, kept in a directory that a test writes: what opens and closes it."""

from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.directory.errors import DirectoryUnavailable
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Role, Service
from appliance.policy.schedule import Schedule, Window
from appliance.supervisor.log_on import SETTLED
from tests.unit.supervisor.log_on_school import School, all_consents
from tests.unit.supervisor.scenery import ANNA, FRED, NOW, PROBE, account, directory


@pytest.fixture
def school():
    made = School()
    made.look()
    return made


def test_nothing_is_compared_before_the_directory_was_read_and_nothing_written_where_nothing_differs():
    fresh = School()
    assert fresh.run() == []
    assert fresh.row() == {"name": "log-on", "ok": True, "text": "not compared yet"}
    fresh.look()
    assert fresh.run() == []
    assert fresh.row()["text"] == "in the directory as the policy says; closed to 0"


@pytest.mark.parametrize("service", [None, Service.PC])
def test_a_lock_closes_log_on_and_its_end_by_hand_opens_it(school, service):
    school.lock(FRED, service)
    assert school.run() == [(FRED.login, False)]
    assert school.row()["text"].endswith("closed to 1")
    school.unlock(FRED)
    assert school.run() == [(FRED.login, True)]


def test_a_lock_of_another_service_does_not(school):
    school.lock(FRED, Service.MAIL)
    assert school.run() == []


def test_a_withdrawn_consent_closes_it_a_given_one_opens_it(school):
    del school.consents[FRED.uid]
    school.publish()
    assert school.run() == [(FRED.login, False)]
    school.consents[FRED.uid] = all_consents()
    school.publish()
    assert school.run() == [(FRED.login, True)]


def test_who_must_change_his_password_may_log_on_to_do_so():
    school = School(ANNA, replace(FRED, must_change=True, password_changed_at=None))
    school.look()
    assert school.run() == []


def test_the_servers_own_account_is_left_alone():
    """Closed by somebody or not: the probe finds out whether the domain works."""
    off = (AccessRule("access.yaml:1", frozenset({Service.PC}), Who(everyone=True), allow=False),)
    for hidden in (PROBE, replace(PROBE, log_on=False)):
        school = School(ANNA, hidden)
        school.rules = off
        school.look()
        assert school.run() == [(ANNA.login, False)]


def test_disabled_accounts_are_kept_as_if_they_were_not():
    """Leavers cost no write, and whoever comes back finds his lock in force at once."""
    school = School(ANNA, replace(FRED, disabled=True))
    school.look()
    assert school.run() == []
    school.lock(FRED)
    assert school.run() == [(FRED.login, False)]


def test_an_end_that_comes_is_waited_for_to_the_moment(school):
    school.lock(FRED, until=NOW + timedelta(seconds=8))
    assert school.run() == [(FRED.login, False)]
    school.look()
    assert school.log_on.work() == 1.0  # the read may be one that began before the write
    school.look()
    assert school.log_on.work() == pytest.approx(8, abs=0.1)
    school.advance(8)
    assert school.run() == [(FRED.login, True)]  # the published whole still has the lock


def test_an_end_that_came_while_nobody_was_running_is_made_up_for():
    school = School(ANNA, replace(FRED, log_on=False))
    school.look()
    assert school.run() == [(FRED.login, True)]


def test_an_end_that_came_while_the_directory_was_away_is_made_up_for(school):
    school.lock(FRED, until=NOW + timedelta(seconds=5))
    school.run()
    school.problem = DirectoryUnavailable("connection refused")
    school.advance(6)
    assert school.log_on.work() == pytest.approx(1.0)
    school.problem = None
    assert school.run() == [(FRED.login, True)]


def test_lessons_turn_it_at_their_hours():
    school = School()
    hours = Schedule(frozenset(range(5)), (Window(time(8), time(10)),), ZoneInfo("Europe/Berlin"))
    pupils = Who(roles=frozenset({Role.PUPIL}))
    everyone = AccessRule("access.yaml:2", frozenset({Service.PC}), Who(everyone=True), allow=True)
    school.rules = (AccessRule("access.yaml:1", frozenset({Service.PC}), pupils, False, schedule=hours), everyone)
    school.look()  # Monday, 09:00 in Berlin
    assert school.run() == [(FRED.login, False)]
    for _ in range(2):
        school.look()
        school.run()
    assert school.log_on.work() == 30.0  # a clock may be set meanwhile
    school.advance(3590)
    assert school.log_on.work() == pytest.approx(10, abs=0.1)
    school.advance(10)
    assert school.run() == [(FRED.login, True)]


@pytest.mark.parametrize("closed", [True, False])
def test_what_somebody_else_changed_in_the_directory_is_put_right(school, closed, caplog):
    if closed:
        school.lock(FRED)
        school.run()
    school.look()
    school.run()
    school.people[FRED.login] = replace(school.people[FRED.login], log_on=closed)
    for _ in range(2):  # reads that began after our last write
        school.look()
        written = school.run()
    assert written == [] or written == [(FRED.login, not closed)]
    assert school.people[FRED.login].log_on is not closed
    assert ("behind our back" in caplog.text) is closed
    assert FRED.login not in caplog.text


def test_a_read_that_began_before_a_write_does_not_have_it_written_again(school):
    school.lock(FRED)
    before = directory(*school.people.values(), cookie="late")
    assert school.run() == [(FRED.login, False)]
    school.directory = before  # it ends only now
    assert school.run() == []
    school.look()
    assert school.run() == []
    school.directory = before  # and this one says what is there: somebody opened it
    assert school.run() == [(FRED.login, False)]


@pytest.mark.parametrize("read", [True, False])
def test_what_is_undone_before_our_own_write_was_read_is_put_right_a_little_later(school, read, caplog):
    """Where both changes come between two looks, there is nothing new to read."""
    school.lock(FRED)
    assert school.run() == [(FRED.login, False)]
    school.people[FRED.login] = FRED  # somebody opens it at once
    if read:
        school.look()
    school.advance(1)
    school.poll()
    assert school.run() == []
    assert school.log_on.work() <= SETTLED
    school.advance(SETTLED)
    assert school.run() == []  # nobody has looked since
    school.poll()
    assert school.run() == [(FRED.login, False)]
    assert caplog.text.count("behind our back") == 1


def test_our_own_changes_are_nobody_elses(school, caplog):
    for _ in range(3):
        school.lock(FRED)
        school.run()
        school.unlock(FRED)
        school.run()
        school.look()
    school.lock(FRED)
    school.run()
    assert caplog.text == ""


def test_who_is_gone_meanwhile_is_no_failure(school):
    school.lock(FRED)
    del school.people[FRED.login]
    assert school.run() == []
    assert school.row()["ok"]


def test_an_account_that_the_policy_does_not_know_yet_waits_for_it(school):
    newcomer = account("new.comer", 20009, log_on=False)
    school.directory = directory(ANNA, FRED, newcomer)
    assert school.run() == []
    school.consents[newcomer.uid] = all_consents()
    school.people[newcomer.login] = newcomer
    school.look()
    assert school.run() == [(newcomer.login, True)]
