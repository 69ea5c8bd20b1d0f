"""Log-on at PCs follows locks, ends of locks, consents and hours, asked of the domain as a PC asks (K18, K19, K23)."""

import contextlib
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.auth.replies import Answer
from appliance.directory.client import connect
from appliance.supervisor.client import ServerRefused
from tests.integration.support_domain import possible
from tests.integration.support_domain_school import domain_school
from tests.integration.support_school import ACCOUNTS, QUICK, ROSTER, soon

pytestmark = possible

FRED, JUERGEN, ANNA = "fred.mustermann", "juergen.gross", "anna.lehmann"
BOTH = ("lea.schmidt", "lea.schmidt2")
TWICE = ROSTER + "901;Lea;Schmidt;3a;pupil;01.03.2017\n902;Lea;Schmidt;4b;pupil;01.03.2017\n"
AT_ONCE = 2.0
"""Seconds within which a lock acts everywhere (K18)."""
UNITS = tuple(unit for unit in ACCOUNTS if unit != "directory")


@pytest.fixture(scope="module")
def school():
    with domain_school(QUICK, UNITS) as made:
        made.once = made.take_in()[1]
        for login in (FRED, ANNA):
            made.choose_password(login, made.once[login])
        yield made


def in_at(school, login=FRED):
    return school.log_on(login, school.passwords[login]) == "in"


def shut(school, login=FRED):
    return "revoked" in school.log_on(login, school.passwords[login])


def row(school):
    return next(check for check in school.call("status")["checks"] if check["name"] == "log-on")


@contextlib.contextmanager
def locked(school, login=FRED, **more):
    """Locked inside."""
    given = {"login": login, "reason": "switched PCs off", **more}
    answer = school.call("users.lock", **given)
    try:
        yield answer
    finally:
        with contextlib.suppress(Exception) if "until" in more else contextlib.nullcontext():
            school.call("users.unlock", login=login, service=given.get("service"))


def test_a_one_time_password_is_changed_at_log_on(school):
    """K03: log-on is where it is asked for, so it stays open."""
    assert school.log_on(JUERGEN, school.once[JUERGEN]) == "must-change"
    assert school.call("explain", login=JUERGEN, service="pc")["answer"] == "allow"
    assert in_at(school)


@pytest.mark.parametrize("service", ["pc", None])
def test_a_lock_reaches_log_on_and_is_lifted_again(school, service):
    begun = time.monotonic()
    with locked(school, service=service) as answer:
        took = time.monotonic() - begun
        assert "note" not in answer
        assert shut(school)
        assert took < AT_ONCE
        elsewhere = school.sign_in(FRED, school.passwords[FRED]).answer
        assert elsewhere is (Answer.VERIFIED if service else Answer.DENIED)
        assert in_at(school, ANNA)
        assert row(school)["text"].endswith("closed to 1")
        shown = school.call("users.show", login=FRED)
        assert any(line.startswith("pc: closed (locked") for line in shown["open"])
        assert school.call("explain", login=FRED, service="pc")["reason"] == "locked"
    print(f"\nlog-on is closed {took:.3f} s after the lock was asked for")
    school.when(lambda: in_at(school), within=AT_ONCE)


def test_a_lock_of_mail_leaves_log_on_open(school):
    with locked(school, service="mail"):
        assert school.sign_in(FRED, school.passwords[FRED]).answer is Answer.DENIED
        assert in_at(school)


def test_a_withdrawn_consent_closes_log_on(school):
    school.call("users.consent", login=FRED, consent="account", give=False)
    try:
        school.when(lambda: shut(school), within=AT_ONCE)
    finally:
        school.call("users.consent", login=FRED, consent="account", give=True, version="2026-08")
    school.when(lambda: in_at(school), within=AT_ONCE)


def test_an_end_opens_log_on_by_itself(school):
    until = datetime.now(UTC) + timedelta(seconds=2.5)
    with locked(school, service="pc", until=until.isoformat()):
        school.when(lambda: shut(school), within=AT_ONCE)
        school.when(lambda: in_at(school))
        assert until <= datetime.now(UTC) < until + timedelta(seconds=AT_ONCE)


def test_an_end_that_comes_while_the_supervisor_is_down_is_made_up_for(school):
    with locked(school, service="pc", until=soon(2)):
        school.when(lambda: shut(school), within=AT_ONCE)
        with school.frozen("supervisor"):
            end = time.monotonic() + 2.2
            school.when(lambda: time.monotonic() > end)
            assert shut(school)
        school.when(lambda: in_at(school))


def test_a_lock_outlives_a_kill_and_what_was_changed_meanwhile(school):
    somebody = connect(school.domain.settings, "supervisor")
    try:
        with locked(school, service="pc"):
            pid = school.pid("supervisor")
            os.kill(pid, signal.SIGKILL)
            somebody.set_log_on(FRED, True)
            school.until(lambda units: units["supervisor"].healthy and units["supervisor"].pid != pid)
            school.when(lambda: shut(school))
    finally:
        somebody.close()
    school.when(lambda: in_at(school), within=AT_ONCE)


def test_an_end_that_comes_while_the_directory_is_away_is_made_up_for(school):
    with locked(school, service="pc", until=soon(3)):
        school.when(lambda: shut(school), within=AT_ONCE)
        school.domain.kill()
        school.when(lambda: "account(s) wait" in row(school)["text"])
        answer = school.call("users.lock", login=ANNA, reason="while it is away", service="pc")
        assert answer["note"].startswith("PCs do not go by it yet")
        school.call("users.unlock", login=ANNA, service="pc")
        assert any("the directory does not have it yet" in line for line in shown_open(school))
        school.domain.start()
        school.when(lambda: in_at(school))
        school.when(lambda: row(school)["ok"])
    told = school.logs()["supervisor"]
    assert told.count("who may log on at PCs cannot be written") == 1
    assert told.count("is in the directory again as the policy says") == 1


def shown_open(school):
    return school.call("users.show", login=FRED)["open"]


def test_what_somebody_else_opens_in_the_directory_is_closed_again(school):
    somebody = connect(school.domain.settings, "supervisor")
    try:
        with locked(school, service="pc"):
            school.when(lambda: shut(school), within=AT_ONCE)
            before = school.logs()["supervisor"].count("behind our back")
            for _ in range(2):
                somebody.set_log_on(FRED, True)
                school.when(lambda: not somebody.find(FRED).log_on)
                assert shut(school)
            assert school.logs()["supervisor"].count("behind our back") > before
    finally:
        somebody.close()
    assert FRED not in school.logs()["supervisor"]


def test_hours_of_access_yaml_turn_it(school):
    path = Path(school.settings.folder) / "access.yaml"
    before = path.read_text() if path.exists() else ""
    closed = (datetime.now(school.settings.school.zone) - timedelta(hours=2)).strftime("%H:%M")
    later = (datetime.now(school.settings.school.zone) + timedelta(hours=2)).strftime("%H:%M")
    school.write("access", f"rules:\n- {{deny: [pc], roles: [pupil], times: ['{closed}-{later}']}}\n")
    try:
        school.call("settings.reload")
        school.when(lambda: shut(school))
        assert in_at(school, ANNA)
    finally:
        school.write("access", before)
        school.call("settings.reload")
    school.when(lambda: in_at(school))


# -- two people of one name and one birth date -----------------------------------------------------------------------


def test_two_of_one_name_and_birth_date_log_on_each_by_himself(school):
    once = school.take_in(TWICE)[1]
    for login in BOTH:
        school.choose_password(login, once[login])
    assert [school.log_on(login, school.passwords[login]) for login in BOTH] == ["in", "in"]
    assert "incorrect" in school.log_on(BOTH[0], school.passwords[BOTH[1]])
    groups = {login: school.call("users.show", login=login)["groups"] for login in BOTH}
    assert groups == {BOTH[0]: ["klasse3a"], BOTH[1]: ["klasse4b"]}


def test_with_such_two_the_same_file_once_more_changes_nothing_and_a_move_is_the_right_ones(school):
    plan = school.take_in(TWICE)[0]["plan"]
    assert not any(plan.values()), plan
    moved = school.take_in(TWICE.replace("902;Lea;Schmidt;4b", "902;Lea;Schmidt;4c"))[0]["plan"]["moved"]
    assert [move["login"] for move in moved] == [BOTH[1]]


def test_nobody_guesses_which_of_the_two_it_is(school):
    """The office numbers everybody anew: names and dates fit both."""
    with pytest.raises(ServerRefused, match=r"fits several accounts \(lea\.schmidt, lea\.schmidt2\)"):
        school.take_in(TWICE.replace("901;Lea", "903;Lea").replace("902;Lea", "904;Lea"))
