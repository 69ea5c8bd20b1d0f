"""What auth remembers of passwords when PCs change them in the domain: nothing that is old."""

import asyncio
import time
from zoneinfo import ZoneInfo

import pytest

from appliance.auth.binds import DirectoryCalls
from appliance.auth.checking import Checker
from appliance.auth.memory import Memory
from appliance.auth.throttle import Allowances, Throttle
from appliance.daemon.counts import Pace
from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, connect
from appliance.policy.account import Account, Role
from appliance.policy.snapshot import Snapshot, Version
from tests.integration.domain.test_passwords import FIRST, SECOND, kpasswd, samr
from tests.integration.support_domain import possible

pytestmark = possible

FRED = "fred.muster"
SNAPSHOT = Snapshot(
    Version(1, 1), "auth", "schule.example", ZoneInfo("Europe/Berlin"), {FRED: Account(FRED, 20000, Role.PUPIL)}
)


@pytest.fixture
def check(school, monkeypatch):
    """Has a password of fred.muster checked by auth's own parts; the snapshot never tells of a change."""
    school.give(FRED, FIRST)
    directory, tried = connect(school.domain.settings, "auth"), []
    bind = directory.check
    monkeypatch.setattr(directory, "check", lambda *given: tried.append(given) or bind(*given))
    calls = DirectoryCalls(directory, 1, 10.0)
    checker = Checker(lambda: SNAPSHOT, calls, Throttle(Allowances(), Pace()), time.monotonic, Memory(300.0))

    def checked(password):
        """What came of it, and whether it was bound with."""
        before = len(tried)
        return asyncio.run(checker.check(FRED, Secret(password), "10.0.0.1")), len(tried) > before

    yield checked
    calls.close()


@pytest.mark.parametrize("change", [kpasswd, samr])
def test_one_changed_at_a_pc_is_old_at_once(school, check, change):
    check(FIRST)  # a domain controller notes the first log-on
    check(FIRST)
    assert check(FIRST) == (Checked.GOOD, False)
    assert change(school, FIRST, SECOND).returncode == 0
    assert check(FIRST) == (Checked.WRONG, True)
    assert check(SECOND) == (Checked.GOOD, True)
    assert check(SECOND) == (Checked.GOOD, False)
    assert change(school, SECOND, FIRST).returncode == 0
    assert check(SECOND) == (Checked.WRONG, True)
    assert check(FIRST) == (Checked.GOOD, True)


def test_wrong_ones_and_log_ons_elsewhere_change_nothing(school, check):
    check(FIRST)
    check(FIRST)
    assert check("Wrong-word-1") == (Checked.WRONG, True)
    done = school.domain.inside(["kinit", "-c", "MEMORY:", FRED], f"{FIRST}\n")
    assert done.returncode == 0, done.stderr
    assert check(FIRST) == (Checked.GOOD, False)
