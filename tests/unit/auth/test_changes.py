"""Writing passwords: the own change, the reset, the first one, the probe's."""

from __future__ import annotations

import asyncio

import pytest

from appliance.auth.changes import Changes
from appliance.auth.replies import Change, ChangeVerdict
from appliance.auth.threads import Busy
from appliance.auth.throttle import Allowances
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryUnavailable, NotFound
from appliance.policy.account import Role
from appliance.policy.passwords import problems
from tests.unit.auth.scenery import DEFAULT, GOOD, Scene, account, school

NEW = "Zebu-Fahrt-41"


def scene() -> Scene:
    fred = account("fred.mustermann", 20001, display_name="Fred Mustermann")
    probe = account("schoolserver-probe", 59999, Role.STAFF, hidden=True)
    return Scene(school(fred, probe), passwords={"fred.mustermann": GOOD}, must_change={"fred.mustermann"})


def changes(scene: Scene, allowances: Allowances = DEFAULT) -> Changes:
    return Changes(lambda: scene.snapshot, scene.checker(allowances), scene, scene, "Realschule Lindenhof")


def change(scene: Scene, old: str = GOOD, new: str = NEW, login: str = "fred.mustermann") -> ChangeVerdict:
    return asyncio.run(changes(scene).change(login, Secret(old), Secret(new)))


def test_the_own_change_needs_the_old_password_and_clears_must_change() -> None:
    there = scene()
    assert change(there).answer is Change.CHANGED
    assert there.written == [("fred.mustermann", NEW, False)]
    assert [(event.kind, dict(event.fields)) for event in there.events] == [
        ("password-changed", {"login": "fred.mustermann"})
    ]


@pytest.mark.parametrize(("login", "old"), [("fred.mustermann", "wrong"), ("fred.mustermann", ""), ("nobody", GOOD)])
def test_with_a_wrong_old_one_nothing_is_said_about_the_new_one(login: str, old: str) -> None:
    there = scene()
    assert change(there, old=old, new="weak", login=login) == ChangeVerdict(Change.REFUSED)
    assert there.written == []


@pytest.mark.parametrize(
    "new",
    [
        "short-A1",
        "aaaaaaaaaaaa",
        "Mustermann-77!",
        "Fred-Zaun-77",
        "Lindenhof-77!",
        "Zaun-schule7!",
        "",
        "\0" * 9,
        "x" * 600,
    ],
)
def test_a_weak_one_is_not_written_and_its_problems_are_named(new: str) -> None:
    there = scene()
    if new == "short-A1":
        new = new[:7]
    verdict = change(there, new=new)
    assert verdict.answer is Change.WEAK
    assert verdict.problems
    assert there.written == []


def test_the_new_one_must_differ_from_the_old_one() -> None:
    assert change(scene(), new=GOOD) == ChangeVerdict(Change.WEAK, ("The new password must differ from the old one.",))


def test_the_old_one_is_guessed_through_the_throttle() -> None:
    there = scene()
    own = changes(there, Allowances(pair=2))

    async def answers() -> list[Change]:
        return [(await own.change("fred.mustermann", Secret("wrong"), Secret(NEW))).answer for _ in range(3)]

    assert asyncio.run(answers()) == [Change.REFUSED, Change.REFUSED, Change.TRY_LATER]


@pytest.mark.parametrize("error", [DirectoryUnavailable("away"), Busy("full")])
def test_without_directory_it_is_try_later(error: Exception) -> None:
    there = scene()
    there.error = error
    assert change(there).answer is Change.TRY_LATER
    assert there.events == []


def test_without_snapshot_it_is_try_later() -> None:
    assert change(Scene(None)).answer is Change.TRY_LATER


def test_a_reset_between_check_and_write_is_not_lost() -> None:
    there = scene()
    own = changes(there)

    async def both() -> None:
        first = asyncio.create_task(own.change("fred.mustermann", Secret(GOOD), Secret(NEW)))
        second = asyncio.create_task(own.issue(["fred.mustermann"], "office"))
        await asyncio.gather(first, second)

    asyncio.run(both())
    assert there.written[-1][2] is True


class TestIssue:
    def test_each_gets_a_password_of_its_own_that_must_be_changed(self) -> None:
        there = scene()
        issued = asyncio.run(changes(there).issue(["fred.mustermann", "new.pupil"], None))
        assert [(login, secret.reveal(), True) for login, secret in issued.items()] == there.written
        assert len({secret.reveal() for secret in issued.values()}) == 2
        assert problems(issued["fred.mustermann"].reveal(), "fred.mustermann", ["Fred Mustermann"]) == ()
        assert there.events == []

    def test_a_reset_is_recorded_with_who_did_it(self) -> None:
        there = scene()
        asyncio.run(changes(there).issue(["fred.mustermann"], "office.lady"))
        assert [dict(event.fields) for event in there.events] == [{"login": "fred.mustermann", "by": "office.lady"}]

    def test_one_that_is_gone_does_not_stop_the_others(self) -> None:
        there = scene()
        there.meanwhile = lambda: setattr(there, "error", None if there.error else NotFound("a"))  # type: ignore[method-assign]
        assert list(asyncio.run(changes(there).issue(["a", "b", "c", "d"], None))) == ["b", "d"]

    def test_what_was_written_before_the_directory_went_away_is_not_lost(self) -> None:
        there = scene()
        there.meanwhile = lambda: setattr(there, "error", Busy("") if there.written else None)  # type: ignore[method-assign]
        assert list(asyncio.run(changes(there).issue(["a", "b", "c"], None))) == ["a"]

    def test_without_directory_it_is_an_error(self) -> None:
        there = scene()
        there.error = DirectoryUnavailable("away")
        with pytest.raises(DirectoryUnavailable):
            asyncio.run(changes(there).issue(["a", "b"], None))


class TestProbe:
    def test_an_account_of_the_server_gets_one_to_keep(self) -> None:
        there = scene()
        password = asyncio.run(changes(there).issue_probe("schoolserver-probe"))
        assert password is not None
        assert there.written == [("schoolserver-probe", password.reveal(), False)]
        assert problems(password.reveal(), "schoolserver-probe") == ()

    def test_a_persons_does_not(self) -> None:
        there = scene()
        assert asyncio.run(changes(there).issue_probe("fred.mustermann")) is None
        assert there.written == []
