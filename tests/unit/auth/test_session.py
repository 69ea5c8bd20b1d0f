"""Sign-ins: what password, directory and policy mean together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.auth.replies import Answer, Verdict
from appliance.auth.session import SignIn
from appliance.auth.threads import Busy
from appliance.auth.throttle import Allowances
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryUnavailable
from appliance.policy.account import Lock, Role, Service
from appliance.policy.audience import AUDIENCES
from appliance.policy.decision import Reason
from tests.unit.auth.scenery import GOOD, Scene, account, school

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PROBE = account("schoolserver-probe", 59999, Role.STAFF, hidden=True)


def scene(**more: object) -> Scene:
    fred = account("fred.mustermann", 20001, **more)
    return Scene(school(fred, PROBE), passwords={"fred.mustermann": GOOD})


def verify(
    scene: Scene, password: str = GOOD, login: str = "fred.mustermann", service: Service = Service.MAIL
) -> Verdict:
    sign_in = SignIn(lambda: scene.snapshot, scene.checker(), scene)
    return asyncio.run(sign_in.verify(service, login, Secret(password), "10.0.0.1"))


def test_a_right_password_is_verified() -> None:
    there = scene()
    assert verify(there) == Verdict(Answer.VERIFIED, "fred.mustermann", 20001, Role.PUPIL)
    assert [dict(event.fields) for event in there.events] == [
        {"service": "mail", "login": "fred.mustermann", "address": "10.0.0.1", "outcome": "verified"}
    ]


@pytest.mark.parametrize("login", ["Fred.Mustermann", "FRED.MUSTERMANN@SCHULE.EXAMPLE"])
def test_the_login_may_be_the_address_in_any_case(login: str) -> None:
    assert verify(scene(), login=login) == Verdict(Answer.VERIFIED, "fred.mustermann", 20001, Role.PUPIL)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"disabled": True},
        {"must_change": True},
        {"locks": (Lock(None, LONG_AGO, None),)},
    ],
)
def test_a_wrong_password_is_refused_whatever_the_state(state: dict[str, object]) -> None:
    there = scene(**state)
    assert verify(there, "wrong") == Verdict(Answer.REFUSED, "fred.mustermann")
    assert there.refusals == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"locks": (Lock(None, LONG_AGO, None),)}, Reason.LOCKED),
        ({"locks": (Lock(Service.MAIL, LONG_AGO, None),)}, Reason.LOCKED),
        ({"locks": (Lock(None, LONG_AGO, None),), "must_change": True}, Reason.LOCKED),
    ],
)
def test_a_right_one_is_denied_with_reason_and_code(state: dict[str, object], reason: Reason) -> None:
    verdict = verify(scene(**state))
    assert (verdict.answer, verdict.reason, verdict.code) == (Answer.DENIED, reason, "7KQF-2MXA")


def test_a_disabled_account_answers_as_an_unknown_one() -> None:
    there = scene(disabled=True)
    assert verify(there) == Verdict(Answer.REFUSED, "fred.mustermann")
    assert there.asked == ["schoolserver-probe"]


def test_a_lock_of_another_service_does_not_matter() -> None:
    assert verify(scene(locks=(Lock(Service.WEB, LONG_AGO, None),))).answer is Answer.VERIFIED


def test_without_consent_there_is_no_mail_but_the_rest() -> None:
    there = Scene(school(replace(account("fred", 1), consents=frozenset())), passwords={"fred": GOOD})
    assert verify(there, login="fred").reason is Reason.CONSENT_MISSING
    assert verify(there, login="fred", service=Service.FILES).answer is Answer.VERIFIED


@pytest.mark.parametrize("service", sorted(AUDIENCES["auth"].services))
@pytest.mark.parametrize("who_knows", ["directory", "snapshot"])
def test_must_change_opens_no_service_whoever_knows_first(service: Service, who_knows: str) -> None:
    there = scene(must_change=who_knows == "snapshot")
    if who_knows == "directory":
        there.must_change.add("fred.mustermann")
    verdict = verify(there, service=service)
    assert (verdict.answer, verdict.reason) == (Answer.MUST_CHANGE, Reason.MUST_CHANGE)


def test_a_locked_account_that_must_change_is_told_of_the_lock() -> None:
    there = scene(locks=(Lock(None, LONG_AGO, None),))
    there.must_change.add("fred.mustermann")
    assert verify(there).reason is Reason.LOCKED


def test_a_lock_published_during_the_check_counts() -> None:
    there = scene()
    locked = account("fred.mustermann", 20001, locks=(Lock(None, LONG_AGO, None),))
    there.meanwhile = lambda: setattr(there, "snapshot", school(locked, PROBE, counter=2))  # type: ignore[method-assign]
    assert verify(there).reason is Reason.LOCKED


def test_an_account_removed_during_the_check_is_unknown() -> None:
    there = scene()
    there.meanwhile = lambda: setattr(there, "snapshot", school(PROBE, counter=2))  # type: ignore[method-assign]
    assert verify(there) == Verdict(Answer.REFUSED, "fred.mustermann")


def test_an_unknown_login_answers_as_a_wrong_password_and_takes_its_time() -> None:
    there = scene()
    there.passwords["schoolserver-probe"] = GOOD
    assert verify(there, login="nobody") == Verdict(Answer.REFUSED, "nobody")
    assert there.asked == ["schoolserver-probe"]
    assert there.events[0].fields["login"] == ""


def test_unknown_logins_are_throttled_like_known_ones() -> None:
    there = scene()
    sign_in = SignIn(lambda: there.snapshot, there.checker(Allowances(pair=2)), there)

    async def answers(login: str) -> list[Answer]:
        return [(await sign_in.verify(Service.WEB, login, Secret("wrong"), "10.0.0.1")).answer for _ in range(4)]

    expected = [Answer.REFUSED, Answer.REFUSED, Answer.TRY_LATER, Answer.TRY_LATER]
    assert asyncio.run(answers("nobody")) == expected
    assert asyncio.run(answers("fred.mustermann")) == expected


def test_a_delayed_attempt_does_not_reach_the_directory_and_names_its_seconds() -> None:
    there = scene()
    sign_in = SignIn(lambda: there.snapshot, there.checker(Allowances(pair=1)), there)

    async def both() -> Verdict:
        await sign_in.verify(Service.MAIL, "fred.mustermann", Secret("wrong"), "10.0.0.1")
        return await sign_in.verify(Service.MAIL, "fred.mustermann", Secret(GOOD), "10.0.0.1")

    assert asyncio.run(both()) == Verdict(Answer.TRY_LATER, "fred.mustermann", retry_after=1.0)
    assert there.asked == ["fred.mustermann"]
    there.now = 2.0
    assert (
        asyncio.run(sign_in.verify(Service.MAIL, "fred.mustermann", Secret(GOOD), "10.0.0.1")).answer is Answer.VERIFIED
    )


@pytest.mark.parametrize("password", ["", "\0", "a\0b", "x" * 513, "\ud800"])
@pytest.mark.parametrize("login", ["fred.mustermann", "nobody"])
def test_an_impossible_password_never_reaches_the_directory(password: str, login: str) -> None:
    there = scene()
    assert verify(there, password, login).answer is Answer.REFUSED
    assert there.asked == []


@pytest.mark.parametrize("login", ["", "@schule.example", "a\0b", "x" * 600, "\ud800"])
def test_an_impossible_login_is_refused(login: str) -> None:
    assert verify(scene(), login=login).answer is Answer.REFUSED


@pytest.mark.parametrize("error", [DirectoryUnavailable("away"), Busy("full")])
@pytest.mark.parametrize("login", ["fred.mustermann", "nobody"])
def test_without_directory_it_is_try_later_and_no_failure(error: Exception, login: str) -> None:
    there = scene()
    there.error = error
    sign_in = SignIn(lambda: there.snapshot, there.checker(), there)
    for _ in range(50):
        verdict = asyncio.run(sign_in.verify(Service.MAIL, login, Secret("wrong"), "10.0.0.1"))
        assert verdict == Verdict(Answer.TRY_LATER, login)


def test_without_snapshot_it_is_try_later() -> None:
    assert verify(Scene(None)) == Verdict(Answer.TRY_LATER, "fred.mustermann")


def test_an_address_that_is_none_is_an_error() -> None:
    there = scene()
    with pytest.raises(ValueError, match="address"):
        asyncio.run(
            SignIn(lambda: there.snapshot, there.checker(), there).verify(Service.MAIL, "fred", Secret("x"), "here")
        )


def test_the_answer_says_how_long_it_stands() -> None:
    begin = datetime.now(UTC) + timedelta(hours=1)
    verdict = verify(scene(locks=(Lock(None, begin, None),)))
    assert (verdict.answer, verdict.valid_until) == (Answer.VERIFIED, begin)


def test_no_password_shows_in_what_is_recorded_or_answered() -> None:
    there = scene()
    seen = repr([verify(there), verify(there, "Other-Secret-9"), there.events])
    assert GOOD not in seen
    assert "Other-Secret-9" not in seen


def test_the_carer_reads_once_that_the_directory_is_away_and_once_that_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = scene()
    there.now = 100.0
    sign_in = SignIn(lambda: there.snapshot, there.checker(), there)
    for error in (DirectoryUnavailable("the socket is gone"), Busy("full"), None, None):
        there.error = error
        asyncio.run(sign_in.verify(Service.MAIL, "fred.mustermann", Secret(GOOD), "10.0.0.1"))
        there.now += 1.0
    assert [record.getMessage() for record in caplog.records] == [
        "passwords cannot be checked: the socket is gone",
        "passwords are checked again after 2 s",
    ]
