"""What an address without owner may do: what each role may that is in no group, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given

from appliance.policy.account import Account, Consent, Role, Service
from appliance.policy.decision import Allow, Deny, Limits, Reason, Rule, TryLater
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.nobody import STRANGERS, strictest
from appliance.policy.owners import NOBODY, Binding
from appliance.policy.request import Action, Request
from appliance.policy.rules import Who, decide, explain

from .strategies import FRED, LESSONS, NOW, berlin, checked, instants, requests, rule, school, snapshots

HOUR = timedelta(hours=1)
PHONE = "10.1.40.7"
FETCH = Request(NOBODY, Service.WEB, Action.FETCH, "https://www.example.org/", PHONE)
WLAN = {"wlan": (ip_network("10.1.40.0/22"),)}


def only(*roles, **fields):
    return rule(who=Who(roles=frozenset(roles)), **fields)


def test_what_is_open_to_everyone_is_open_to_nobody_whatever_consents_it_needs():
    asked = {Service.WEB: frozenset({Consent.LOGS})}
    decision = decide(school(consents_required=asked, accounts=()), FETCH, NOW)
    assert decision == Allow(
        Rule(rule().source, f"the address has no owner: {rule().text}"), Limits(20_000_000, 20_000_000), None
    )


@pytest.mark.parametrize("closed", list(Role))
def test_what_is_closed_to_one_role_is_closed(closed):
    decision = decide(school(only(*(set(Role) - {closed}))), FETCH, NOW)
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.NOT_OPEN
    assert decision.rule == Rule(
        "default",
        f"the address has no owner; the strictest rules are those of {closed}: no rule opens web here and now",
    )
    assert isinstance(decide(school(only(closed, allow=False), rule()), FETCH, NOW), Deny)


def test_what_is_open_to_each_role_by_rules_of_their_own_is_open():
    assert isinstance(decide(school(*(only(role) for role in Role)), FETCH, NOW), Allow)


@pytest.mark.parametrize("who", [Who(groups=frozenset({"klasse3a"})), Who(logins=frozenset({FRED}))])
def test_what_is_opened_to_some_by_name_is_not_opened(who):
    assert decide(school(rule(who=who)), FETCH, NOW).reason is Reason.NOT_OPEN


def test_the_school_can_open_something_to_the_devices_of_a_network():
    one = school(rule(rooms=frozenset({"wlan"}), targets=("example.org",)), rooms=WLAN)
    assert isinstance(decide(one, FETCH, NOW), Allow)
    assert isinstance(decide(one, replace(FETCH, target="https://www.example.net/"), NOW), Deny)
    assert isinstance(decide(one, replace(FETCH, address="10.1.12.3"), NOW), Deny)


def test_it_stands_until_the_first_of_all_answers_ends():
    lessons = replace(
        LESSONS, windows=tuple(replace(one, end=berlin("2026-11-23 11:00").time()) for one in LESSONS.windows)
    )
    one = school(only(Role.PUPIL, schedule=LESSONS), only(Role.TEACHER, schedule=lessons), rule())
    decision = decide(one, FETCH, NOW)
    assert isinstance(decision, Allow)
    assert decision.valid_until == berlin("2026-11-23 11:00")


def test_the_smallest_limits_count_and_no_exemption():
    table = LimitTable(
        Limits(50, 60),
        {Role.PUPIL: Limits(20, 90), Role.ADMIN: Limits(900, 900)},
        rules=(
            LimitRule("web", None, 30, service=Service.WEB, role=Role.STAFF),
            LimitRule("state exemption", 999, 999, until=NOW + HOUR),
            LimitRule("fred", 5, 5, login=FRED),
            LimitRule("class", 6, 6, group="klasse3a"),
        ),
    )
    decision = decide(school(limits=table), FETCH, NOW)
    assert decision.limits == Limits(20, 30)
    assert decision.valid_until is None
    assert decide(school(limits=table), replace(FETCH, size=30), NOW).limits == Limits(20, 30)
    assert decide(school(limits=table), replace(FETCH, size=31), NOW).reason is Reason.TOO_LARGE
    up = replace(FETCH, action=Action.WRITE, size=21)
    assert decide(school(limits=table), up, NOW).reason is Reason.TOO_LARGE


def test_a_limit_of_the_room_raises_as_for_anybody():
    table = LimitTable(Limits(50, 60), rules=(LimitRule("room", 70, 70, room="wlan"),))
    assert decide(school(limits=table, rooms=WLAN), FETCH, NOW).limits == Limits(70, 70)


def test_an_address_with_an_owner_is_not_nobodys():
    bound = school(owners={PHONE: Binding(FRED, NOW, NOW + HOUR)})
    before = decide(bound, FETCH, NOW - HOUR)
    assert isinstance(before, Allow)
    assert before.valid_until == NOW
    decision = decide(bound, FETCH, NOW)
    assert (decision.reason, decision.valid_until) == (Reason.OWNER_CHANGED, NOW + HOUR)
    assert decision.rule == Rule("state devices", "the address has an owner now")
    assert isinstance(decide(bound, FETCH, NOW + HOUR), Allow)


@pytest.mark.parametrize("service", [one for one in Service if one is not Service.WEB])
@pytest.mark.parametrize("by_address", [True, False])
def test_no_other_service_knows_nobody(service, by_address):
    request = Request(NOBODY, service, address=PHONE, by_address=by_address)
    assert decide(school(), request, NOW).reason is Reason.UNKNOWN_ACCOUNT


def test_a_target_without_a_host_and_a_missing_snapshot_are_no_yes_either():
    assert decide(school(), replace(FETCH, target=""), NOW).reason is Reason.MALFORMED
    assert isinstance(decide(None, FETCH, NOW), TryLater)
    assert isinstance(strictest({Role.PUPIL: decide(None, FETCH, NOW)}), TryLater)


def test_explain_says_what_was_asked_of_each_role():
    steps = explain(school(), FETCH, NOW)[1]
    assert steps[0] == "the address is a device of nobody"
    assert [step for step in steps if step.startswith("as ")] == [f"as {role} without groups:" for role in Role]


@checked
@given(snapshots, requests, instants)
def test_nobody_may_nothing_that_somebody_without_groups_may_not(snapshot, request, now):
    request = replace(request, login=NOBODY, service=Service.WEB)
    decision = decide(snapshot, request, now)
    if not isinstance(decision, Allow):
        return
    for stranger in STRANGERS:
        account = Account("x.y", 1, stranger.role, consents=frozenset(Consent))
        known = replace(snapshot, accounts={"x.y": account})
        answer = decide(known, replace(request, login="x.y", by_address=False), now)
        assert isinstance(answer, Allow)
        assert decision.limits.upload <= answer.limits.upload
        assert decision.limits.download <= answer.limits.download
        if answer.valid_until is not None and not any(rule.until for rule in snapshot.limits.rules):
            assert decision.valid_until <= answer.valid_until
