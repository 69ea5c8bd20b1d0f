"""Whom and what a rule is about."""

import pytest

from appliance.policy.account import Role, Service
from appliance.policy.decision import Rule
from appliance.policy.request import Action, Request
from appliance.policy.rules import AccessRule, Who

from .strategies import ANNA, FRED, LESSONS, account, rule

WEB = Request(FRED, Service.WEB, Action.FETCH, "https://www.example.org/")


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (Who(), False),
        (Who(everyone=True), True),
        (Who(roles=frozenset({Role.PUPIL})), True),
        (Who(roles=frozenset({Role.TEACHER})), False),
        (Who(groups=frozenset({"klasse3a", "chor"})), True),
        (Who(groups=frozenset({"klasse4b"})), False),
        (Who(logins=frozenset({FRED})), True),
        (Who(logins=frozenset({ANNA})), False),
        (Who(roles=frozenset({Role.TEACHER}), logins=frozenset({FRED})), True),
    ],
)
def test_whom_it_covers(who, expected):
    assert who.covers(account()) is expected


@pytest.mark.parametrize(
    ("fields", "room", "miss"),
    [
        ({}, None, None),
        ({"services": frozenset({Service.MAIL})}, None, "is about another service"),
        ({"services": frozenset()}, None, "is about another service"),
        ({"who": Who()}, None, "is about other people"),
        ({"rooms": frozenset({"12"})}, "12", None),
        ({"rooms": frozenset({"12"})}, "12a", "is about another room"),
        ({"rooms": frozenset({"12"})}, None, "is about another room"),
        ({"targets": ("example.org",)}, None, None),
        ({"targets": ("de", "www.example.org")}, None, None),
        ({"targets": ("w.example.org",)}, None, "is about other targets"),
        ({"targets": ("ample.org",)}, None, "is about other targets"),
    ],
)
def test_what_it_is_about(fields, room, miss):
    assert rule(**fields).miss(account(), WEB, room, "www.example.org") == miss


def test_targets_are_of_the_web_only():
    mail = Request(FRED, Service.MAIL, Action.SEND, "anna@example.org")
    assert rule(targets=("example.org",)).miss(account(), mail, None, "example.org") == "is about other targets"


def test_a_request_without_a_host_is_about_no_target():
    assert rule(targets=("example.org",)).miss(account(), WEB, None, None) == "is about other targets"


@pytest.mark.parametrize(("allow", "miss"), [(True, None), (False, "is about other targets")])
def test_a_rule_for_some_targets_opens_the_sign_in_but_does_not_close_it(allow, miss):
    sign_in = Request(FRED, Service.WEB)
    assert rule(allow=allow, targets=("example.org",)).miss(account(), sign_in, None, None) == miss


def test_it_says_in_words_what_it_does_without_naming_a_person():
    full = AccessRule(
        "access.yaml:31 rules[2]",
        frozenset({Service.WEB, Service.MAIL}),
        Who(roles=frozenset({Role.PUPIL}), groups=frozenset({"chor"}), logins=frozenset({FRED, ANNA})),
        False,
        rooms=frozenset({"12", "aula"}),
        targets=("example.org",),
        schedule=LESSONS,
    )
    assert full.rule == Rule(
        "access.yaml:31 rules[2]",
        "deny mail, web for pupil, chor, 2 named account(s); in 12, aula; to example.org; "
        "Mon Tue Wed Thu Fri 08:00-13:00, not in the holidays",
    )
    assert rule(services=frozenset(), who=Who()).text == "allow nothing for nobody"
    assert rule(services=frozenset({Service.WEB})).text == "allow web for everyone"
    assert rule(text="the school's own words").rule.text == "the school's own words"
