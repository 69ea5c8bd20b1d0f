"""Asking the policy, and what is recorded of it."""

from appliance.policy.account import Service
from appliance.policy.decision import Allow, Limits, Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.request import Action, Request
from appliance.session.obstacle import Hitch, Obstacle

CODE = "7KQF-2MXA"


def test_what_is_allowed_comes_with_its_limits_and_is_not_recorded(around):
    answer = around.house.ask(Request("fred", Service.MAIL, Action.SEND))
    assert isinstance(answer, Allow)
    assert answer.limits == Limits(100, 200)
    assert not around.events
    assert not around.refusals


def test_what_is_refused_is_recorded_under_the_code_that_is_told(around):
    assert around.house.ask(Request("fred", Service.WEB)) == Obstacle(Reason.NOT_OPEN, CODE)
    ((service, reason, rule),) = around.refusals
    assert (service, reason) == (Service.WEB, Reason.NOT_OPEN)
    assert rule.source == "default"


def test_a_temporary_failure_is_no_refusal(around):
    around.snapshot = None
    assert around.house.ask(Request("fred", Service.MAIL)) == Obstacle(Hitch.LATER)
    assert around.house.account("fred") is None
    assert not around.refusals


def test_the_newest_snapshot_counts(around):
    house = around.house
    assert house.account("fred").must_change is False
    around.change(must_change=True)
    assert house.account("fred").must_change is True
    assert house.ask(Request("fred", Service.MAIL)).why is Reason.MUST_CHANGE


def test_what_a_service_judges_by_itself_is_recorded_too(around):
    rule = Rule("built-in K09", "the account's own address")
    assert around.house.refuse(Service.MAIL, Reason.FOREIGN_SENDER, rule) == Obstacle(Reason.FOREIGN_SENDER, CODE)
    assert around.refusals == [(Service.MAIL, Reason.FOREIGN_SENDER, rule)]


def test_what_happened_is_recorded_at_its_time(around):
    around.house.record(Kind.FILE_REMOVED, login="fred", path="/Home/x")
    (event,) = around.events
    assert (event.kind, event.time) == (Kind.FILE_REMOVED, around.now)
    assert event.fields == {"login": "fred", "path": "/Home/x"}
