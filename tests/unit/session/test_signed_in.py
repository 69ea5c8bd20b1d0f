"""What auth says becomes somebody who is signed in, or an obstacle."""

from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.auth.client import Answer, Verdict
from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn, admit


def test_who_is_verified_is_signed_in_as_of_the_question(around, fred):
    asked_at = around.now - timedelta(seconds=4)
    who = admit(around.snapshot, Verdict(Answer.VERIFIED, "fred"), asked_at)
    assert who == SignedIn("fred", asked_at, fred.password_changed_at)


@pytest.mark.parametrize(
    ("verdict", "obstacle"),
    [
        (Verdict(Answer.REFUSED, "fred", code="A"), Obstacle(Hitch.WRONG_PASSWORD)),
        (Verdict(Answer.MUST_CHANGE, "fred", code="A"), Obstacle(Reason.MUST_CHANGE, "A")),
        (Verdict(Answer.DENIED, "fred", reason=Reason.LOCKED, code="A"), Obstacle(Reason.LOCKED, "A")),
        (Verdict(Answer.DENIED, "fred"), Obstacle(Reason.NOT_OPEN)),
        (Verdict(Answer.TRY_LATER, "fred", retry_after=3.0), Obstacle(Hitch.LATER, None, 3.0)),
        (Verdict(Answer.VERIFIED, "newer.than.our.snapshot"), Obstacle(Hitch.LATER)),
    ],
)
def test_who_is_not(around, verdict, obstacle):
    assert admit(around.snapshot, verdict, around.now) == obstacle
    assert not around.refusals, "auth has recorded it already"


def test_every_answer_of_auth_is_known(around):
    """One that came without being told here would let somebody in, or not."""
    outcomes = {answer: admit(around.snapshot, Verdict(answer, "fred"), around.now) for answer in Answer}
    assert [answer for answer, outcome in outcomes.items() if isinstance(outcome, SignedIn)] == [Answer.VERIFIED]


def test_without_a_snapshot_nobody_is_signed_in(around):
    assert admit(None, Verdict(Answer.VERIFIED, "fred"), around.now) == Obstacle(Hitch.LATER)


@pytest.mark.parametrize(
    ("changed_after", "outdated"),
    [
        (timedelta(days=-3), False),  # the stamp that it had
        (timedelta(seconds=-1), False),  # another one: our snapshot was a bit old
        (timedelta(milliseconds=-500), True),  # the whole second in which he signed in
        (timedelta(), True),
        (timedelta(seconds=9), True),
    ],
)
def test_a_password_changed_after_the_sign_in_ends_it(around, fred, changed_after, outdated):
    who = SignedIn("fred", around.now, fred.password_changed_at)
    account = replace(fred, password_changed_at=around.now + changed_after)
    assert who.outdated_by(account) is outdated


def test_an_account_without_a_stamp_ends_nothing(around, fred):
    who = SignedIn("fred", around.now, fred.password_changed_at)
    assert not who.outdated_by(replace(fred, password_changed_at=None))
