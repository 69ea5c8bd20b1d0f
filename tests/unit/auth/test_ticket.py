"""Who shows a ticket to an engine: which account is meant, whose ticket it may be, and what stands against it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.auth.replies import Answer
from appliance.auth.ticket import Tickets
from appliance.policy.account import Lock, Service
from appliance.policy.decision import Reason
from tests.unit.auth.scenery import Scene, account, school

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LIFE = timedelta(hours=10)
OLD = NOW - timedelta(days=3)
LONG, SHORT = "maximilian.mustermann-schmidt", "maximilian.must-e4c5"
FRED = account("fred.mustermann", 20001, password_changed_at=OLD)
MAX = account(LONG, 20002, password_changed_at=OLD)


def scene(*accounts):
    return Scene(school(*accounts or (FRED, MAX)))


def shown(where, name, realm="SCHULE.EXAMPLE"):
    return Tickets(lambda: where.snapshot, where, realm, LIFE, lambda: NOW).shown(Service.MAIL, name, "10.1.0.7")


@pytest.mark.parametrize(
    "name", ["fred.mustermann", "Fred.Mustermann@schule.example", "fred.mustermann@SCHULE.EXAMPLE"]
)
def test_a_login_an_address_or_a_principal(name):
    found = shown(scene(), name)
    assert (found.verdict.answer, found.verdict.login) == (Answer.VERIFIED, "fred.mustermann")
    assert found.principals == ("fred.mustermann@SCHULE.EXAMPLE",)


@pytest.mark.parametrize("name", [LONG, SHORT, f"{SHORT}@schule.example"])
def test_both_names_of_a_long_login(name):
    found = shown(scene(), name)
    assert found.verdict.login == LONG
    assert found.principals == (f"{LONG}@SCHULE.EXAMPLE", f"{SHORT}@SCHULE.EXAMPLE")


def test_a_realm_of_its_own():
    found = shown(scene(), "fred.mustermann@AD.SCHULE.EXAMPLE", "AD.SCHULE.EXAMPLE")
    assert found.principals == ("fred.mustermann@AD.SCHULE.EXAMPLE",)


@pytest.mark.parametrize(
    "name",
    ["", "frieda", "fred.mustermann@anderswo.example", "server$@schule.example", "imap/server.schule.example", "root"],
)
def test_nobody(name):
    found = shown(scene(), name)
    assert (found.verdict.answer, found.principals, found.too_soon) == (Answer.REFUSED, (), False)


@pytest.mark.parametrize(("ago", "soon"), [(0, True), (9.99, True), (10, False), (240, False)])
def test_what_tickets_of_the_former_password_could_open(ago, soon):
    found = shown(scene(replace(FRED, password_changed_at=NOW - timedelta(hours=ago))), "fred.mustermann")
    assert found.too_soon == soon
    assert found.verdict.answer is (Answer.REFUSED if soon else Answer.VERIFIED)


@pytest.mark.parametrize(
    ("changes", "answer", "reason"),
    [
        ({"disabled": True}, Answer.DENIED, Reason.DISABLED),
        ({"locks": (Lock(Service.MAIL, OLD, None),)}, Answer.DENIED, Reason.LOCKED),
        ({"must_change": True}, Answer.MUST_CHANGE, Reason.MUST_CHANGE),
        ({"consents": frozenset()}, Answer.DENIED, Reason.CONSENT_MISSING),
    ],
)
def test_the_policy_decides(changes, answer, reason):
    where = scene(replace(FRED, **changes))
    found = shown(where, "fred.mustermann")
    assert (found.verdict.answer, found.verdict.reason) == (answer, reason)
    assert found.verdict.code
    assert [refused[1] for refused in where.refusals] == [reason]
    assert not where.events, "nobody has come in yet"


def test_while_nothing_is_known():
    assert shown(Scene(None), "fred.mustermann").verdict.answer is Answer.TRY_LATER


def test_a_new_snapshot_has_other_people():
    where = scene(MAX)
    tickets = Tickets(lambda: where.snapshot, where, "SCHULE.EXAMPLE", LIFE, lambda: NOW)
    assert tickets.shown(Service.MAIL, SHORT, None).verdict.answer is Answer.VERIFIED
    where.snapshot = school(FRED, counter=2)
    assert tickets.shown(Service.MAIL, SHORT, None).verdict.answer is Answer.REFUSED


def test_who_came_in_is_recorded():
    where = scene()
    Tickets(lambda: where.snapshot, where, "SCHULE.EXAMPLE", LIFE, lambda: NOW).entered(Service.MAIL, "fred", None)
    fields = {"service": "mail", "login": "fred", "address": None, "outcome": "verified", "way": "ticket"}
    assert [event.fields for event in where.events] == [fields]
