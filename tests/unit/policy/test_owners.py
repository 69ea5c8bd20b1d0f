"""Whose device an address is, when that counts, and what follows for whoever comes with an address alone."""

from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given

from appliance.policy.account import Lock, Service
from appliance.policy.decision import Allow, Deny, Reason
from appliance.policy.owners import Binding, binding_of, owner, plain
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide, explain

from .strategies import ANNA, FRED, NOW, account, bindings, checked, instants, rule, school

HOUR = timedelta(hours=1)
PHONE = "10.1.40.7"
BOUND = Binding(FRED, NOW - HOUR, NOW + HOUR)
SCHOOL = school(owners={PHONE: BOUND, "fd00:40::7": BOUND})


def fetch(login=FRED, address=PHONE, by_address=True):
    return Request(login, Service.WEB, Action.FETCH, "https://www.example.org/", address, by_address=by_address)


@pytest.mark.parametrize("address", [PHONE, "::ffff:10.1.40.7", "::FFFF:0A01:2807", "fd00:40::7", "FD00:0040:0::0007"])
def test_each_way_of_writing_an_address_is_the_address(address):
    assert owner(SCHOOL, address, NOW) == BOUND


@pytest.mark.parametrize("address", ["10.1.40.8", "", "here", "None", "10.1.40.07", "::10.1.40.7", "fd00:40::7%eth0"])
def test_another_address_is_nobodys(address):
    assert binding_of(SCHOOL, address) is None
    assert owner(SCHOOL, address, NOW) is None


def test_nothing_else_is_read_as_an_address():
    assert plain("::ffff:10.1.40.7") == plain("10.1.40.7") == ip_address("10.1.40.7")
    assert plain("10.1.40") is None


@pytest.mark.parametrize(
    ("now", "holds", "changes"),
    [
        (NOW - 2 * HOUR, False, NOW - HOUR),
        (NOW - HOUR, True, NOW + HOUR),
        (NOW + HOUR - timedelta.resolution, True, NOW + HOUR),
        (NOW + HOUR, False, None),
    ],
)
def test_a_binding_counts_from_its_beginning_until_its_end(now, holds, changes):
    assert BOUND.holds(now) is holds
    assert BOUND.next_change(now) == changes
    assert (owner(SCHOOL, PHONE, now) is not None) is holds
    assert binding_of(SCHOOL, PHONE) == BOUND


@checked
@given(bindings, instants)
def test_it_changes_only_when_it_says(binding, now):
    changes = binding.next_change(now)
    if changes is not None:
        assert changes > now
        assert binding.holds(changes - timedelta.resolution) is binding.holds(now)
    else:
        assert not binding.holds(now)


@pytest.mark.parametrize("name", ["since", "until"])
def test_an_instant_needs_a_zone(name):
    with pytest.raises(ValueError, match=name):
        Binding(FRED, **{"since": NOW, "until": NOW, name: datetime(2026, 11, 23, 9, 30)})


def test_the_owner_is_decided_upon_like_anybody_until_the_session_ends():
    assert decide(SCHOOL, fetch(), NOW) == Allow(rule().rule, decide(SCHOOL, fetch(), NOW).limits, NOW + HOUR)
    lock = Lock(Service.WEB, NOW + HOUR / 2, None)
    locked = school(accounts=(account(locks=(lock,)),), owners={PHONE: BOUND})
    assert decide(locked, fetch(), NOW).valid_until == NOW + HOUR / 2
    assert decide(locked, fetch(), NOW + HOUR / 2).reason is Reason.LOCKED


@pytest.mark.parametrize(
    ("request_", "now", "until"),
    [
        (fetch(), NOW + HOUR, None),
        (fetch(), NOW - 2 * HOUR, NOW - HOUR),
        (fetch(login=ANNA), NOW, NOW + HOUR),
        (fetch(address="10.1.40.8"), NOW, None),
        (fetch(address=None), NOW, None),
    ],
)
def test_an_address_that_is_no_device_of_his_says_nothing(request_, now, until):
    decision = decide(SCHOOL, request_, now)
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.rule.source) == (Reason.OWNER_CHANGED, "state devices")
    assert decision.valid_until == until
    assert FRED not in decision.rule.text


@pytest.mark.parametrize(("login", "changes"), [("frieda", {}), (FRED, {"disabled": True})])
def test_also_what_else_is_refused_stands_until_the_session_ends(login, changes):
    one = school(accounts=(account(**changes),), owners={PHONE: Binding(login, NOW, NOW + HOUR)})
    decision = decide(one, fetch(login=login), NOW)
    assert decision.reason in (Reason.UNKNOWN_ACCOUNT, Reason.DISABLED)
    assert decision.valid_until == NOW + HOUR


def test_who_signed_in_otherwise_may_use_any_address():
    by_password = fetch(login=FRED, address="10.1.40.8", by_address=False)
    assert decide(SCHOOL, by_password, NOW).valid_until is None
    assert isinstance(decide(SCHOOL, by_password, NOW), Allow)


def test_explain_says_whose_it_is():
    assert f"the address is a device of {FRED}" in explain(SCHOOL, fetch(), NOW)[1]
    assert "the address is a device of nobody" in explain(SCHOOL, fetch(), NOW + HOUR)[1]
