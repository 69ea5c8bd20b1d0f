"""Sign-ins: asked once, remembered until the password changes or the time is over."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from appliance.auth.client import Answer, Verdict
from appliance.policy.account import Account, Role
from appliance.policy.decision import Reason
from appliance.policy.snapshot import Snapshot, Version
from appliance.proxy.sign_in import SignIn, basic
from appliance.session.house import House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRED = Account("fred", 1, Role.PUPIL, password_changed_at=NOW - timedelta(days=9))
GOOD = ["Basic " + base64.b64encode(b"fred:gut:so").decode()]


class School:
    """Auth whose answers wait until they are given."""

    def __init__(self):
        self.asked, self.snapshot, self.clock = [], self.of(FRED), 0.0
        house = House(snapshot=lambda: self.snapshot, journal=self, now=lambda: NOW)
        self.sign_in = SignIn(house, self, 300.0, lambda: self.clock)

    @staticmethod
    def of(*accounts):
        return Snapshot(
            Version(1, 1), "web", "schule.example", ZoneInfo("Europe/Berlin"), {one.login: one for one in accounts}
        )

    async def verify(self, service, login, password, address):
        self.asked.append((login, password.reveal(), address, answer := Deferred()))
        return await answer

    def ask(self, given=GOOD, address="10.1.0.7"):
        outcome = []
        ensureDeferred(self.sign_in.who(given, address)).addBoth(outcome.append)
        return outcome

    def answer(self, answer=Answer.VERIFIED, **fields):
        self.asked[-1][3].callback(Verdict(answer, "fred", **fields))


@pytest.fixture
def school():
    return School()


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["Bearer x"],
        ["Basic"],
        ["Basic ???"],
        ["Basic \xff\xe4"],
        ["Basic " + base64.b64encode(b"fred").decode()],
        ["Basic " + base64.b64encode(b":x").decode()],
        ["Basic " + base64.b64encode(b"fred:").decode()],
        ["Basic " + base64.b64encode(b"\xff:x").decode()],
        ["Basic " + "QQ" * 1000],
        GOOD * 2,
    ],
)
def test_no_credentials(given, school):
    assert basic(given) is None
    assert school.ask(given) == [Obstacle(Hitch.WRONG_PASSWORD)]
    assert not school.asked


def test_the_password_may_have_colons():
    login, password = basic(GOOD)
    assert (login, password.reveal()) == ("fred", "gut:so")


def test_one_question_for_all_who_wait_and_none_for_those_who_come_later(school):
    first, second = school.ask(), school.ask()
    assert [asked[:3] for asked in school.asked] == [("fred", "gut:so", "10.1.0.7")]
    school.answer()
    guest = SignedIn("fred", NOW, FRED.password_changed_at)
    assert first == second == [guest]
    assert school.ask() == [guest]
    assert school.ask(address="10.1.0.8") == [guest]
    assert len(school.asked) == 1


def test_it_is_asked_again_after_a_while_and_after_a_change(school):
    school.ask()
    school.answer()
    school.clock = 300.0
    assert school.ask() == []
    school.answer()
    assert school.ask() != []
    school.snapshot = school.of(replace(FRED, password_changed_at=NOW))
    assert school.ask() == []
    school.answer(Answer.REFUSED)
    assert school.ask() == []
    school.snapshot = school.of()
    assert len(school.asked) == 4


@pytest.mark.parametrize(
    ("verdict", "obstacle"),
    [
        ({"answer": Answer.REFUSED}, Obstacle(Hitch.WRONG_PASSWORD)),
        ({"answer": Answer.MUST_CHANGE, "code": "A"}, Obstacle(Reason.MUST_CHANGE, "A")),
        ({"answer": Answer.DENIED, "reason": Reason.LOCKED, "code": "B"}, Obstacle(Reason.LOCKED, "B")),
        ({"answer": Answer.TRY_LATER, "retry_after": 3.0}, Obstacle(Hitch.LATER, None, 3.0)),
    ],
)
def test_what_is_not_verified_is_told_and_not_remembered(verdict, obstacle, school):
    outcome = school.ask()
    school.answer(**verdict)
    assert outcome == [obstacle]
    assert school.ask() == []


def test_an_account_newer_than_the_snapshot_comes_again_later(school):
    school.snapshot = school.of()
    outcome = school.ask()
    school.answer()
    assert outcome == [Obstacle(Hitch.LATER)]


def test_nothing_that_is_kept_shows_the_password(school):
    school.ask()
    school.answer()
    assert "gut" not in repr(vars(school.sign_in))
    assert asyncio.iscoroutinefunction(school.sign_in.who)
