"""Who comes with a ticket: asked of the policy like who has a password, and since when the ticket is."""

from datetime import timedelta

import pytest

from appliance.policy.account import Lock, Service
from appliance.policy.decision import Reason
from appliance.policy.events import Kind
from appliance.session.by_ticket import arrive, enter_by_ticket
from appliance.session.kerberos import Ticket
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit
from tests.unit.session.conftest import CODE, FRED, NOW

SECOND = timedelta(seconds=1)
WHOLE = NOW.replace(microsecond=0)


def ticket(login="fred", issued=WHOLE):
    return Ticket(login, issued, issued + timedelta(hours=10))


def come(around, one=None, service=Service.MAIL):
    return arrive(around.house, service, one or ticket(), "10.1.0.7")


def outcomes(around):
    return [event.fields["outcome"] for event in around.events if event.kind is Kind.SIGN_IN]


def test_coming(around):
    assert come(around) == SignedIn("fred", WHOLE, FRED.password_changed_at)
    fields = {"service": "mail", "login": "fred", "address": "10.1.0.7", "outcome": "verified", "way": "ticket"}
    assert around.events[0].fields == fields


def test_before_anything_is_known(around):
    around.snapshot = None
    assert come(around) == Obstacle(Hitch.LATER)


@pytest.mark.parametrize("login", ["frieda", "", "schoolserver-auth", "fred@schule.example"])
def test_who_has_no_account_is_nobody(around, login):
    assert come(around, ticket(login)) == Obstacle(Hitch.WRONG_PASSWORD)
    assert around.events[0].fields["login"] == ""


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"disabled": True}, "denied", Reason.DISABLED),
        ({"locks": (Lock(None, NOW, None),)}, "denied", Reason.LOCKED),
        ({"must_change": True}, "must-change", Reason.MUST_CHANGE),
    ],
)
def test_the_policy_is_asked(around, changes, outcome, reason):
    around.change(**changes)
    assert come(around) == Obstacle(reason, CODE)
    assert outcomes(around) == [outcome]


@pytest.mark.parametrize(("issued", "good"), [(WHOLE - SECOND, False), (WHOLE, True), (WHOLE + SECOND, True)])
def test_a_ticket_from_before_the_change_of_the_password(around, issued, good):
    around.change(password_changed_at=WHOLE + SECOND / 2)
    found = come(around, ticket(issued=issued))
    assert isinstance(found, SignedIn) == good
    assert good or found == Obstacle(Hitch.PASSWORD_CHANGED)
    assert outcomes(around) == ["verified" if good else "refused"]


def test_a_change_that_is_known_only_later_ends_it(around):
    """Our snapshot may be older than the change with which the ticket lost its meaning."""
    visit = enter_by_ticket(around.house, Service.MAIL, ticket(issued=WHOLE - SECOND), None, around.ends.append)
    assert isinstance(visit, Visit)
    around.change(password_changed_at=WHOLE - SECOND / 2)
    assert visit.recheck() is None
    assert around.ends == [Obstacle(Hitch.PASSWORD_CHANGED)]


def test_a_lock_ends_it(around):
    visit = enter_by_ticket(around.house, Service.MAIL, ticket(), None, around.ends.append)
    around.change(locks=(Lock(Service.MAIL, NOW, None),))
    assert visit.recheck() is None
    assert around.ends == [Obstacle(Reason.LOCKED, CODE)]
