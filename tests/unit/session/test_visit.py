"""Somebody signed in: what he may do, and what ends that."""

from datetime import timedelta

import pytest

from appliance.auth.client import Answer, Verdict
from appliance.policy.account import Lock, Service
from appliance.policy.decision import Allow, Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.request import Action
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit, enter

CODE = "7KQF-2MXA"


def come(around, verdict=None, service=Service.MAIL):
    verdict = verdict or Verdict(Answer.VERIFIED, "fred")
    return enter(around.house, service, verdict, around.now, "10.1.0.7", around.ends.append)


@pytest.fixture
def visit(around) -> Visit:
    found = come(around)
    assert isinstance(found, Visit)
    return found


def test_coming_in(around, visit):
    assert visit.who == SignedIn("fred", around.now, around.snapshot.accounts["fred"].password_changed_at)
    assert visit.account is around.snapshot.accounts["fred"]
    assert visit.valid_until is None
    assert isinstance(visit.ask(Action.SEND, size=100), Allow)


def test_who_is_not_let_in_by_auth_is_not_let_in(around):
    assert come(around, Verdict(Answer.REFUSED, "fred")) == Obstacle(Hitch.WRONG_PASSWORD)


def test_our_snapshot_decides_too(around):
    around.change(locks=(Lock(Service.MAIL, around.now, None),))
    assert come(around) == Obstacle(Reason.LOCKED, CODE)
    assert not around.events, "there was no session that could have ended"


def test_a_service_that_is_not_open(around):
    assert come(around, service=Service.FILES) == Obstacle(Reason.NOT_OPEN, CODE)


def test_a_lock_to_come_is_known_at_once(around):
    later = around.now + timedelta(minutes=5)
    around.change(locks=(Lock(Service.MAIL, later, None),))
    visit = come(around)
    assert visit.valid_until == visit.recheck() == later
    around.now = later
    assert visit.recheck() is None
    assert around.ends == [Obstacle(Reason.LOCKED, CODE)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"disabled": True}, Obstacle(Reason.DISABLED, CODE)),
        ({"must_change": True}, Obstacle(Reason.MUST_CHANGE, CODE)),
        ({"login": "frida"}, Obstacle(Reason.UNKNOWN_ACCOUNT, CODE)),
    ],
)
def test_what_ends_it_once(around, visit, changes, why):
    around.change(**changes)
    visit.recheck()
    visit.recheck()
    assert around.ends == [why]
    (event,) = around.events
    assert event.kind is Kind.SESSION_ENDED
    assert event.fields == {"service": "mail", "login": "fred", "reason": why.why.value}


def test_a_newer_password_ends_it_before_anything_else_is_asked(around, visit):
    around.change(password_changed_at=around.now + timedelta(seconds=5), disabled=True)
    visit.recheck()
    assert around.ends == [Obstacle(Hitch.PASSWORD_CHANGED)]
    assert around.refusals == []
    assert around.events[0].fields["reason"] == "password-changed"


def test_a_temporary_failure_ends_nothing(around, visit):
    around.snapshot = None
    assert visit.recheck() is None
    assert visit.account is None
    assert visit.ask(Action.SEND) == Obstacle(Hitch.LATER)
    assert around.ends == []


def test_after_the_end_nothing_is_decided(around, visit):
    around.change(disabled=True)
    visit.recheck()
    around.change()
    assert visit.ended
    assert visit.ask(Action.SEND) == Obstacle(Hitch.LATER)
    assert visit.account is None
    assert visit.recheck() is None
    assert len(around.refusals) == 1


def test_a_service_may_have_a_standing_of_its_own(around, visit):
    answers = [Allow(Rule("a", "b"), None, around.now), Obstacle(Hitch.LATER), Obstacle(Reason.CLOSED_CATEGORY, CODE)]
    own = Visit(around.house, Service.WEB, visit.who, None, around.ends.append, lambda: answers.pop(0))
    assert own.recheck() == around.now
    assert own.recheck() is None
    assert around.ends == []
    own.recheck()
    assert around.ends == [Obstacle(Reason.CLOSED_CATEGORY, CODE)]


def test_what_he_does_is_recorded_with_his_login(around, visit):
    visit.record(Kind.FILE_REMOVED, path="/Home/x")
    assert around.events[0].fields == {"login": "fred", "path": "/Home/x"}
