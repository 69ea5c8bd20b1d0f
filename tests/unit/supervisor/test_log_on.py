"""Who may log on at PCs, kept in a directory that a test writes (the seam ``Flags``)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.directory.errors import DirectoryRefused, DirectoryUnavailable, NotFound
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Consent, Lock, Role, Service
from appliance.policy.schedule import Schedule, Window
from appliance.supervisor.compose import Known, compose
from appliance.supervisor.locks import KnownLock
from appliance.supervisor.log_on import SETTLED, SLICE, STUCK, LogOn
from appliance.supervisor.people import GivenConsent
from appliance.supervisor.publisher import Standing
from tests.unit.supervisor.scenery import ANNA, FRED, NOW, PROBE, account, directory, settings

WRITE = 0.004
"""Seconds that one change takes."""


class School:
    """A directory, what is published of it, and a clock."""

    def __init__(self, *accounts):
        self.people = {person.login: person for person in accounts or (ANNA, FRED, PROBE)}
        self.locks, self.rules = {}, None
        self.consents = {person.uid: _all_consents() for person in self.people.values()}
        self.problem, self.refused, self.writes, self.meanwhile = None, {}, [], {}
        self.ticks, self.now = 1000.0, NOW
        self.directory = self.snapshot = None
        self.standing = Standing()
        self.log_on = LogOn(self, self, lambda: self.now, lambda: self.ticks)

    # the directory
    def set_log_on(self, login, allowed):
        self.ticks += WRITE
        if self.problem:
            raise self.problem
        if login in self.refused:
            raise self.refused[login]
        if login not in self.people:
            raise NotFound("noSuchObject")
        self.writes.append((login, allowed))
        self.meanwhile.pop(len(self.writes) - 1, lambda: None)()
        self.people[login] = replace(self.people[login], log_on=allowed)

    # the publisher
    def publish(self):
        whole = compose(self.directory, Known(self.consents, self.locks), settings())
        self.snapshot = whole if self.rules is None else replace(whole, rules=self.rules)

    def look(self):
        """Read and publish, as after each change of the directory."""
        self.directory = directory(*self.people.values(), cookie=str(self.ticks))
        self.poll()
        self.publish()

    def poll(self):
        """Look whether anything has changed, and find nothing."""
        self.standing = Standing(looked_at=self.now)

    def lock(self, person, service=None, until=None):
        self.locks[person.uid] = (KnownLock(Lock(service, self.now, until), "x", "carer"),)
        self.publish()

    def unlock(self, person):
        del self.locks[person.uid]
        self.publish()

    def run(self):
        """Until everything is written; gives what was."""
        self.writes, pause = [], 0.0
        while pause < 0.1:
            self.ticks += pause
            pause = self.log_on.work()
        return self.writes

    def advance(self, seconds):
        self.ticks += seconds
        self.now += timedelta(seconds=seconds)

    def row(self):
        return self.log_on.check()


def _all_consents():
    return tuple(GivenConsent(consent, "1", NOW, "carer") for consent in Consent)


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
    school.consents[FRED.uid] = _all_consents()
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
    school.consents[newcomer.uid] = _all_consents()
    school.people[newcomer.login] = newcomer
    school.look()
    assert school.run() == [(newcomer.login, True)]


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
