"""A directory that goes away, comes back, or does not answer: temporary, said at once, and over when it is over."""

import time

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, DirectoryUnavailable

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
