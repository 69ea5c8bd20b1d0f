"""What is remembered of passwords: the last right one of a login, for a while, good while the account's mark is."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest

from appliance.auth.checking import Checker
from appliance.auth.memory import Memory, memory_for
from appliance.auth.throttle import Allowances, Wait
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryUnavailable
from appliance.directory.records import Checked
from appliance.policy.account import Account, Role
from appliance.settings.load import load
from tests.unit.auth.scenery import GOOD, Scene, account, school

FRED, PROBE, HERE = "fred.mustermann", "schoolserver-probe", "10.0.0.1"
RIGHT, MARK = Secret(GOOD), (b"id", b"1")


def scene(**more: object) -> Scene:
    people = (account(FRED, 20001, **more), account(PROBE, 59999, Role.STAFF, hidden=True))
    return Scene(school(*people), passwords={FRED: GOOD, PROBE: "Random-7"})


def check(checker: Checker, password: str = GOOD, login: str = FRED, address: str = HERE) -> Checked | Wait:
    return asyncio.run(checker.check(login, Secret(password), address))


class TestMemory:
    def test_the_right_password_of_that_login_is_known_and_no_other(self) -> None:
        memory = Memory(60.0)
        memory.keep(FRED, RIGHT, MARK, 0.0)
        assert memory.mark(FRED, RIGHT, 59.9) == MARK
        assert memory.mark(FRED, Secret(GOOD.lower()), 1.0) is None
        assert memory.mark("fred", RIGHT, 1.0) is None

    def test_it_ends_so_many_seconds_after_the_check_however_often_it_is_asked_for(self) -> None:
        memory = Memory(60.0)
        memory.keep(FRED, RIGHT, MARK, 0.0)
        assert memory.mark(FRED, RIGHT, 59.0) == MARK
        assert memory.mark(FRED, RIGHT, 60.0) is None
        assert len(memory) == 0

    def test_what_is_old_goes_though_nobody_asks_for_it(self) -> None:
        memory = Memory(60.0)
        for number in range(5):
            memory.keep(f"pupil{number}", RIGHT, MARK, float(number))
        memory.keep(FRED, RIGHT, MARK, 62.0)
        assert len(memory) == 3

    def test_a_login_has_one_and_a_new_one_makes_it_stay(self) -> None:
        memory = Memory(60.0)
        memory.keep(FRED, RIGHT, MARK, 0.0)
        memory.keep("other", RIGHT, MARK, 1.0)
        memory.keep(FRED, Secret("new"), MARK, 2.0)
        assert memory.mark(FRED, RIGHT, 3.0) is None
        assert memory.mark("other", RIGHT, 60.5) == MARK
        assert memory.mark(FRED, Secret("new"), 61.5) == MARK

    def test_it_is_bounded_and_the_oldest_goes(self) -> None:
        memory = Memory(60.0, most=3)
        for number in range(10):
            memory.keep(f"pupil{number}", RIGHT, MARK, 0.0)
        assert len(memory) == 3
        assert memory.mark("pupil6", RIGHT, 1.0) is None
        assert memory.mark("pupil7", RIGHT, 1.0) == MARK

    def test_of_zero_seconds_nothing_is_remembered(self) -> None:
        memory = Memory(0.0)
        memory.keep(FRED, RIGHT, MARK, 0.0)
        assert len(memory) == 0

    def test_neither_password_nor_a_plain_hash_of_it_is_kept(self) -> None:
        one, other = Memory(60.0), Memory(60.0)
        for memory in (one, other):
            memory.keep(FRED, RIGHT, MARK, 0.0)
        seen = [memory._kept[FRED].digest for memory in (one, other)]  # what would be found in the process
        assert seen[0] != seen[1]
        assert GOOD.encode() not in pickle.dumps([list(vars(memory).values())[2:] for memory in (one, other)])


@pytest.mark.parametrize(
    ("directory", "auth", "seconds"),
    [
        ("kind: slapd", "remember: 1 min", 60.0),
        ("kind: slapd", "remember: 0 s", 0.0),
        ("kind: slapd", "pair_bar: 5", 300.0),
        ("{kind: ldap, uri: 'ldaps://ldap.town.example', bind_name: 'cn=school,dc=town'}", "remember: 1 min", 0.0),
    ],
)
def test_how_long_the_settings_say(tmp_path: Path, directory: str, auth: str, seconds: float) -> None:
    """Somebody else's OpenLDAP may ask another server about passwords: nothing of it is remembered."""
    for name, text in (("school", "domain: schule.example"), ("directory", directory), ("auth", auth)):
        (tmp_path / f"{name}.yaml").write_text(f"{text}\n")
    assert memory_for(load(tmp_path)).seconds == seconds


class TestChecker:
    def test_one_log_on_at_four_services_is_hashed_once(self) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        assert [check(checker) for _ in range(4)] == [Checked.GOOD] * 4
        assert there.asked == [FRED]

    def test_of_zero_seconds_each_is_hashed(self) -> None:
        there = scene()
        checker = there.checker()
        assert [check(checker) for _ in range(2)] == [Checked.GOOD] * 2
        assert there.asked == [FRED, FRED]

    def test_the_time_ends_it(self) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        check(checker)
        there.now = 59.0
        check(checker)
        assert there.asked == [FRED]
        there.now = 60.0
        check(checker)
        assert there.asked == [FRED, FRED]

    def test_whatever_is_changed_of_the_account_the_old_password_is_refused_at_once(self) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        check(checker)
        there.passwords[FRED], there.versions[FRED] = "Zebu-Fahrt-41", 1
        assert check(checker) is Checked.WRONG
        assert check(checker, "Zebu-Fahrt-41") is Checked.GOOD
        there.passwords[FRED], there.versions[FRED] = GOOD, 2
        assert check(checker, "Zebu-Fahrt-41") is Checked.WRONG
        assert check(checker) is Checked.GOOD

    def test_a_password_changed_while_the_old_one_is_checked_is_not_covered_by_it(self) -> None:
        """The old one was right, but the mark that came with it is from before: the next time it is hashed."""
        there = scene()
        checker = there.checker(remember=60.0)
        there.meanwhile = lambda: there.versions.update({FRED: 1})  # type: ignore[method-assign]
        assert check(checker) is Checked.GOOD
        there.passwords[FRED] = "Zebu-Fahrt-41"
        assert check(checker) is Checked.WRONG

    def test_one_that_must_be_changed_is_not_remembered(self) -> None:
        there = scene()
        there.must_change.add(FRED)
        checker = there.checker(remember=60.0)
        assert [check(checker) for _ in range(2)] == [Checked.MUST_CHANGE] * 2
        assert there.asked == [FRED, FRED]

    def test_wrong_ones_between_are_hashed_each_and_forget_nothing(self) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        check(checker)
        assert [check(checker, "wrong") for _ in range(2)] == [Checked.WRONG] * 2
        assert there.asked == [FRED] * 3
        assert check(checker) is Checked.GOOD
        assert there.asked == [FRED] * 3

    def test_who_has_to_wait_waits_though_his_password_is_known(self) -> None:
        there = scene()
        checker = there.checker(Allowances(pair=2), remember=60.0)
        check(checker, address="10.0.0.2")
        assert [check(checker, "wrong") for _ in range(2)] == [Checked.WRONG] * 2
        assert check(checker) == Wait(1.0)
        assert check(checker, address="10.0.0.2") is Checked.GOOD

    def test_a_remembered_one_clears_wrong_ones_as_a_hashed_one_does(self) -> None:
        there = scene()
        checker = there.checker(Allowances(pair=2), remember=60.0)
        for password in (GOOD, "wrong", GOOD, "wrong", GOOD, "wrong"):
            assert not isinstance(check(checker, password), Wait)

    def test_without_the_directory_nobody_is_let_in(self) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        check(checker)
        there.error = DirectoryUnavailable("away")
        assert check(checker) == Wait(0.0)

    @pytest.mark.parametrize("gone", [(), (account(FRED, 20001, disabled=True),)])
    def test_who_is_gone_or_disabled_in_the_snapshot_is_unknown(self, gone: tuple[Account, ...]) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        check(checker)
        there.snapshot = school(*gone, account(PROBE, 59999, Role.STAFF, hidden=True), counter=2)
        assert check(checker) is Checked.WRONG
        assert there.asked == [FRED, PROBE]

    def test_where_no_mark_can_be_read_each_is_hashed(self) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        there.unmarked = True
        assert [check(checker) for _ in range(2)] == [Checked.GOOD] * 2
        there.unmarked = False
        check(checker)
        there.unmarked = True
        check(checker)
        assert there.asked == [FRED] * 4

    def test_a_probe_is_hashed_each_time(self) -> None:
        there = scene()
        checker = there.checker(remember=60.0)
        assert [check(checker, "Random-7", PROBE) for _ in range(2)] == [Checked.GOOD] * 2
        assert there.asked == [PROBE, PROBE]

    def test_other_settings_forget_all(self) -> None:
        there = scene()
        checker, other = there.checker(remember=60.0), there.checker()
        check(checker)
        checker.use(other._throttle, Memory(60.0))
        check(checker)
        assert there.asked == [FRED, FRED]
