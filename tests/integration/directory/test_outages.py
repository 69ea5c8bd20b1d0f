"""A directory that goes away, comes back, or does not answer: temporary, said at once, and over when it is over."""

import threading
import time

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, DirectoryUnavailable, connect
from appliance.directory.errors import AlreadyExists, DirectoryError, NotFound
from appliance.directory.examine import examine
from appliance.policy.account import Role

GOOD = Secret("Schöner-Tag-7")


@pytest.fixture
def school(fragile):
    fragile.account("da.schon")
    fragile.auth.set_password("da.schon", GOOD, must_change=False)
    assert fragile.auth.check("da.schon", GOOD) is Checked.GOOD
    return fragile


def test_gone_and_back(school):
    cookie = school.supervisor.read().cookie
    school.server.kill()
    with pytest.raises(DirectoryUnavailable):
        school.auth.check("da.schon", GOOD)
    with pytest.raises(DirectoryUnavailable):
        school.supervisor.read()
    with pytest.raises(DirectoryUnavailable):
        school.supervisor.changed(cookie)
    with pytest.raises(DirectoryUnavailable):
        school.account("neu.da")
    school.server.start()
    assert school.auth.check("da.schon", GOOD) is Checked.GOOD
    assert [account.login for account in school.supervisor.read().accounts] == ["da.schon"]


def test_the_check_says_who_does_not_answer_and_where_to_look(school):
    settings = school.server.settings
    assert examine(settings) == ()
    unit = {"slapd": "schoolserver-directory", "domain": "schoolserver-domain"}[settings.directory.kind]
    school.server.kill()
    (found,) = examine(settings)
    assert "does not answer (" in found.text
    assert f"journalctl -u {unit}" in found.text
    assert found.grave


def test_back_before_anybody_noticed(school):
    school.supervisor.read()
    school.server.kill()
    school.server.start()
    assert school.auth.check("da.schon", GOOD) is Checked.GOOD
    school.account("neu.da")
    assert len(school.supervisor.read().accounts) == 2


def test_a_deletion_just_before_a_crash_is_seen(school):
    cookie = school.supervisor.read().cookie
    school.supervisor.remove_account("da.schon")
    school.server.kill()
    school.server.start()
    assert school.supervisor.changed(cookie)


def test_what_was_answered_survives_a_crash(school):
    for number in range(20):
        school.account(f"kind.nr{number}")
    school.server.kill()
    school.server.start()
    assert len(school.supervisor.read().accounts) == 21


def test_no_answer(school):
    school.server.freeze()
    try:
        for call in (
            lambda: school.auth.check("da.schon", GOOD),
            lambda: school.supervisor.find("da.schon"),
        ):
            start = time.monotonic()
            with pytest.raises(DirectoryUnavailable, match="TimeoutError"):
                call()
            assert time.monotonic() - start < 10
    finally:
        school.server.thaw()
    assert school.auth.check("da.schon", GOOD) is Checked.GOOD
    assert school.supervisor.find("da.schon") is not None
    assert school.auth.check("da.schon", Secret("falsch")) is Checked.WRONG, "a late answer is nobody's"


def test_slow_but_there(school):
    """An answer that comes late but in time is the right one, and everybody who waited gets his own."""
    logins = [school.account(f"langsam.{number}") for number in range(4)]
    for number, login in enumerate(logins):
        school.auth.set_password(login, Secret(f"Zwirn-{number}-blau!"), must_change=False)
    found = {}

    def check(number):
        found[number] = school.auth.check(logins[number], Secret(f"Zwirn-{number}-blau!"))

    school.server.freeze()
    threads = [threading.Thread(target=check, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    threads[0].join(0.5)
    assert not found
    school.server.thaw()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), Checked.GOOD)


def test_a_restart_in_the_middle_of_changes(school):
    """What was said to be done is done, what was not is whole or absent, and can be done again."""
    done, begun = [], threading.Event()

    def import_class():
        try:
            for number in range(1000):
                login = f"neu.nr{number}"
                names = {"given_name": "Neu", "surname": str(number)}
                school.supervisor.create_account(login=login, uid=40000 + number, role=Role.PUPIL, **names)
                school.supervisor.add_members("klasse3a", [login])
                done.append(login)
                if number == 5:
                    begun.set()
        except DirectoryError:
            pass

    school.group("klasse3a")
    worker = threading.Thread(target=import_class)
    worker.start()
    assert begun.wait(30)
    school.server.kill()
    worker.join()
    school.server.start()
    state = school.supervisor.read()
    there = {account.login for account in state.accounts} - {"da.schon"}
    assert set(done) <= set(state.groups[0].members) <= there
    half = f"neu.nr{len(done)}"
    assert there - set(done) <= {half}
    if half in there:
        with pytest.raises(AlreadyExists):
            school.account(half)
    else:
        school.account(half)
    school.supervisor.add_members("klasse3a", [half])
    school.auth.set_password(half, GOOD, must_change=False)
    assert school.auth.check(half, GOOD) is Checked.GOOD
    assert school.supervisor.find(half).groups == ("klasse3a",)


def test_an_account_removed_behind_our_back(school):
    """By the carer's own tool: nobody signs in with it, it is in no group, and what is done to it says so."""
    school.group("klasse3a")
    school.supervisor.add_members("klasse3a", ["da.schon"])
    cookie = school.supervisor.read().cookie
    other = connect(school.server.settings, "supervisor")
    other.remove_account("da.schon")
    other.close()
    assert school.auth.check("da.schon", GOOD) is Checked.WRONG
    assert school.supervisor.changed(cookie)
    state = school.supervisor.read()
    assert (state.accounts, state.groups[0].members) == ((), ())
    for call in (
        lambda: school.auth.set_password("da.schon", GOOD, must_change=True),
        lambda: school.supervisor.set_disabled("da.schon", True),
        lambda: school.supervisor.set_log_on("da.schon", False),
        lambda: school.supervisor.update_account("da.schon", surname="Weg"),
        lambda: school.supervisor.add_members("klasse3a", ["da.schon"]),
        lambda: school.supervisor.remove_account("da.schon"),
    ):
        with pytest.raises(NotFound):
            call()
    school.supervisor.remove_members("klasse3a", ["da.schon"])
    school.account("da.schon")
    assert school.auth.check("da.schon", GOOD) is Checked.WRONG, "the new one is somebody else"
    assert school.supervisor.find("da.schon").groups == ()
