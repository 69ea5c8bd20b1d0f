"""A right password is hashed once for a while, and nobody is the wiser; slapd counts the binds."""

from __future__ import annotations

import contextlib

from appliance.auth.client import Answer, Change
from appliance.directory.changes_openldap import OPERATIONS
from appliance.directory.client import connect, signed_in
from appliance.directory.whereabouts import whereabouts
from appliance.policy.account import Service
from tests.integration.auth.support import FRED, GOOD, PROBE, PROBES, School, open_school
from tests.integration.auth.test_service import HERE, NEW, change, verify

THERE = "10.0.0.2"


class Binds:
    """How many sign-ins of persons slapd has begun, each with a hashing; what has ended it counts after its answer."""

    def __init__(self, school: School) -> None:
        self._link = signed_in(whereabouts(school.settings, "supervisor"))
        self._seen = self._count()

    def new(self) -> int:
        before, self._seen = self._seen, self._count()
        return self._seen - before

    def _count(self) -> int:
        (found,) = self._link.search(f"cn=Bind,{OPERATIONS}", "(objectClass=*)", ["monitorOpInitiated"], below=False)
        return int(found.attributes["monitorOpInitiated"][0])


def answers(school: School, *passwords: str, address: str = HERE) -> list[Answer]:
    return [verify(school, FRED, password, address=address).answer for password in passwords]


def test_a_log_on_at_all_services_is_hashed_once_and_a_wrong_password_and_a_probe_each_time(school: School) -> None:
    assert verify(school, FRED, GOOD).answer is Answer.VERIFIED
    binds = Binds(school)
    for service, address in ((Service.FILES, HERE), (Service.WEB, THERE), (Service.MAIL, None)):
        assert verify(school, FRED.upper(), GOOD, service, address).answer is Answer.VERIFIED
    assert binds.new() == 0
    assert answers(school, "wrong", GOOD, "wrong") == [Answer.REFUSED, Answer.VERIFIED, Answer.REFUSED]
    assert binds.new() == 2
    assert [verify(school, PROBE, PROBES).answer for _ in range(2)] == [Answer.VERIFIED] * 2
    assert binds.new() == 2


def test_with_remember_0_each_is_hashed() -> None:
    with open_school(auth="remember: 0 s\n") as school:
        assert answers(school, GOOD) == [Answer.VERIFIED]
        binds = Binds(school)
        assert answers(school, GOOD, GOOD) == [Answer.VERIFIED] * 2
        assert binds.new() == 2


def test_one_changed_behind_our_back_is_old_at_once_and_so_is_the_one_before_when_it_is_back(school: School) -> None:
    """No snapshot tells of any of it."""
    assert answers(school, GOOD) == [Answer.VERIFIED]
    school.set_password(FRED, NEW)
    assert answers(school, GOOD, NEW, GOOD) == [Answer.REFUSED, Answer.VERIFIED, Answer.REFUSED]
    school.set_password(FRED, GOOD)
    assert answers(school, NEW, GOOD) == [Answer.REFUSED, Answer.VERIFIED]
    school.set_password(FRED, GOOD, must_change=True)
    assert answers(school, GOOD, GOOD) == [Answer.MUST_CHANGE] * 2


def test_the_own_change_ends_the_old_one_everywhere(school: School) -> None:
    assert answers(school, GOOD) == [Answer.VERIFIED]
    assert change(school, FRED, GOOD, NEW) is Change.CHANGED
    assert answers(school, GOOD, NEW, address=THERE) == [Answer.REFUSED, Answer.VERIFIED]


def test_an_account_made_anew_is_another_one(school: School) -> None:
    assert answers(school, GOOD) == [Answer.VERIFIED]
    account = school.accounts[FRED]
    with contextlib.closing(connect(school.settings, "supervisor")) as directory:
        directory.remove_account(FRED)
        assert answers(school, GOOD) == [Answer.REFUSED]
        directory.create_account(login=FRED, uid=20009, given_name="Fred", surname="Mustermann", role=account.role)
    assert answers(school, GOOD) == [Answer.REFUSED]
    school.set_password(FRED, NEW)
    assert answers(school, GOOD, NEW) == [Answer.REFUSED, Answer.VERIFIED]


def test_without_the_directory_a_remembered_one_opens_nothing(school: School) -> None:
    assert answers(school, GOOD) == [Answer.VERIFIED]
    school.slapd.kill()
    assert answers(school, GOOD, "wrong") == [Answer.TRY_LATER] * 2
    school.slapd.start()
    assert answers(school, GOOD) == [Answer.VERIFIED]


def test_who_guesses_waits_and_nobody_else(school: School) -> None:
    """He does not learn by a remembered password what he would not learn by a hashed one."""
    assert answers(school, GOOD, address=THERE) == [Answer.VERIFIED]
    guessed = answers(school, *(f"guess{number}" for number in range(5)), GOOD)
    assert guessed == [Answer.REFUSED] * 5 + [Answer.TRY_LATER]
    assert answers(school, GOOD, address=THERE) == [Answer.VERIFIED]


def test_without_marks_people_still_sign_in(school: School) -> None:
    """A wrong password of auth's own costs the shortcut, not the sign-ins."""
    file = school.settings.server.state / "auth" / "directory.password"
    file.chmod(0o600)
    file.write_text("something else")
    school.stop_auth()
    school.start_auth()
    assert answers(school, GOOD, GOOD, "wrong") == [Answer.VERIFIED, Answer.VERIFIED, Answer.REFUSED]
    assert verify(school, "no.body", GOOD).answer is Answer.REFUSED
