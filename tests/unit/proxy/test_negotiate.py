"""Tickets on one connection of a browser: shown once, remembered for it, gone with whatever ends them."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Lock, Role, Service
from appliance.policy.decision import Reason
from appliance.policy.snapshot import Snapshot, Version
from appliance.proxy.negotiate import Negotiation, Tickets
from appliance.session.house import House
from appliance.session.kerberos import NoTicket, Ticket
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRED = Account("fred", 1, Role.PUPIL, password_changed_at=NOW - timedelta(days=9))
OPEN = AccessRule("access.yaml:1", frozenset({Service.WEB}), Who(everyone=True), allow=True)
ASKED = Obstacle(Hitch.WRONG_PASSWORD)


class Exchange:
    """Words for tokens: ``fred`` completes, ``more`` does not, anything else is none."""

    def __init__(self):
        self.ticket = None

    def step(self, token):
        if token == b"more":
            return b"and?"
        if token != b"fred":
            raise NoTicket("not a word")
        self.ticket = Ticket("fred", NOW - timedelta(hours=1), NOW + timedelta(hours=9))
        return b"welcome"


class School:
    def __init__(self):
        self.now, self.ready, self.told, self.events = NOW, True, [], []
        self.change()
        house = House(snapshot=lambda: self.snapshot, journal=self, now=lambda: self.now)
        self.connection = Negotiation(Tickets(house, self), "10.1.0.7")

    def change(self, *people, **changes):
        people = people or (replace(FRED, **changes),)
        accounts = {one.login: one for one in people if one is not None}
        self.snapshot = Snapshot(
            Version(1, 1), "web", "schule.example", ZoneInfo("Europe/Berlin"), accounts, rules=(OPEN,)
        )

    def begin(self):
        return Exchange()

    def report(self, problem):
        self.told.append(str(problem))

    def record(self, event):
        self.events.append(event.fields["outcome"])

    def refuse(self, service, reason, rule):
        return "7KQF-2MXA"

    def show(self, word):
        return self.connection.who([f"Negotiate {base64.b64encode(word.encode()).decode()}"])


@pytest.fixture
def school():
    return School()


def test_a_connection_is_of_who_showed_a_ticket(school):
    assert school.connection.who([]) is None
    who = school.show("fred")
    assert who == SignedIn("fred", NOW - timedelta(hours=1), FRED.password_changed_at)
    assert [school.connection.who([]) for _ in range(3)] == [who] * 3
    assert school.events == ["verified"]


@pytest.mark.parametrize("scheme", ["negotiate", "NEGOTIATE"])
def test_case_does_not_matter(school, scheme):
    assert isinstance(school.connection.who([f"{scheme}  ZnJlZA=="]), SignedIn)


def test_several_tokens(school):
    assert school.show("more") == ASKED
    assert base64.b64decode(school.connection.token) == b"and?"
    assert isinstance(school.show("fred"), SignedIn)
    assert school.connection.token == ""


def test_tokens_without_end(school):
    for _ in range(4):
        school.show("more")
    assert school.connection.token
    assert school.show("more") == ASKED
    assert (school.connection.token, school.told) == ("", ["it has no end"])
    assert isinstance(school.show("fred"), SignedIn)


@pytest.mark.parametrize("value", ["!!!", "\xfc", "ZnJlZA", base64.b64encode(b"frieda").decode()])
def test_what_is_none(school, value):
    assert school.connection.who([f"Negotiate {value}"]) == ASKED
    assert len(school.told) == 1
    assert isinstance(school.show("fred"), SignedIn)


@pytest.mark.parametrize("given", [["Basic ZnJlZDpndXQ="], ["Negotiate ZnJlZA==", "Negotiate ZnJlZA=="], ["Bearer x"]])
def test_who_gives_something_else_is_somebody_else(school, given):
    school.show("fred")
    assert school.connection.who(given) is None
    assert school.connection.who([]) is None


def test_without_a_keytab_it_is_not_spoken(school):
    school.ready = False
    assert not school.connection.offered
    assert school.show("fred") is None


def test_the_ticket_ends(school):
    school.show("fred")
    school.now += timedelta(hours=9)
    assert school.connection.who([]) is None


@pytest.mark.parametrize("changes", [{"password_changed_at": NOW}, None])
def test_what_ends_with_the_account(school, changes):
    school.show("fred")
    school.change(*([Account("gina", 2, Role.PUPIL)] if changes is None else ()), **(changes or {}))
    assert school.connection.who([]) is None


def test_a_ticket_that_opens_nothing_leaves_room_for_the_password(school):
    school.change(password_changed_at=NOW)
    assert school.show("fred") == ASKED
    school.change(Account("gina", 2, Role.PUPIL))
    assert school.show("fred") == ASKED
    assert school.events == ["refused", "refused"]


def test_who_is_locked_is_told(school):
    school.change(locks=(Lock(None, NOW, None),))
    assert school.show("fred") == Obstacle(Reason.LOCKED, "7KQF-2MXA")
    assert school.connection.who([]) is None
