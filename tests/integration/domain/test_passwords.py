"""K02 on every way that leads to a new password, and an old one that is old at once."""

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked
from appliance.directory.errors import DirectoryRefused
from tests.integration.support_domain import possible

pytestmark = possible

FIRST, SECOND = "Kamu-tibo-472", "Zabu-tiro-333"
BAD = ("Fred.Muster-1", "Passwort1!", "kamu-tibo-472", "Musterschule-1", "Ka-1")


def kpasswd(school, old, new):
    return school.domain.inside(["kpasswd", "fred.muster"], f"{old}\n{new}\n{new}\n")


def samr(school, old, new):
    """As Windows does it where Kerberos does not go ([MS-SAMR] 3.1.5.10)."""
    argv = ["samba-tool", "user", "password", f"--configfile={school.domain.place.config}"]
    return school.domain.inside([*argv, "-U", f"fred.muster%{old}", f"--newpassword={new}", "--ipaddress=127.0.0.1"])


@pytest.fixture
def fred(school):
    school.give("fred.muster", FIRST)
    return school


@pytest.mark.parametrize("bad", BAD)
def test_auth_is_refused_too(fred, bad):
    with pytest.raises(DirectoryRefused):
        fred.give("fred.muster", bad)
    assert fred.auth.check("fred.muster", Secret(FIRST)) is Checked.GOOD


@pytest.mark.parametrize("change", [kpasswd, samr])
def test_own_change_at_a_pc(fred, change):
    for bad in BAD[:2]:
        assert change(fred, FIRST, bad).returncode != 0
    assert fred.auth.check("fred.muster", Secret(FIRST)) is Checked.GOOD
    done = change(fred, FIRST, SECOND)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fred.auth.check("fred.muster", Secret(SECOND)) is Checked.GOOD
    assert fred.auth.check("fred.muster", Secret(FIRST)) is Checked.WRONG


def test_the_old_password_is_old_at_once(fred):
    """Samba would take it for an hour more over NTLM."""
    assert kpasswd(fred, FIRST, SECOND).returncode == 0
    entered = {
        word: ["smbclient", "-U", f"fred.muster%{word}", "//server/sysvol", "-c", "ls"] for word in (FIRST, SECOND)
    }
    assert fred.domain.inside(entered[SECOND]).returncode == 0
    assert fred.domain.inside(entered[FIRST]).returncode != 0


def test_the_same_password_may_be_given_twice_and_again_at_once(fred):
    """No history and no least age: who has just got a one-time password changes it, and may change it once more."""
    assert kpasswd(fred, FIRST, SECOND).returncode == 0
    assert kpasswd(fred, SECOND, FIRST).returncode == 0


def test_a_one_time_password_is_good_for_changing_it_only(fred):
    fred.give("fred.muster", FIRST, must_change=True)
    assert fred.auth.check("fred.muster", Secret(FIRST)) is Checked.MUST_CHANGE
    assert kpasswd(fred, FIRST, SECOND).returncode == 0
    assert fred.auth.check("fred.muster", Secret(SECOND)) is Checked.GOOD


def test_wrong_passwords_lock_nobody_out(fred):
    for number in range(12):
        assert fred.auth.check("fred.muster", Secret(f"Wrong-word-{number}")) is Checked.WRONG
    assert fred.auth.check("fred.muster", Secret(FIRST)) is Checked.GOOD
