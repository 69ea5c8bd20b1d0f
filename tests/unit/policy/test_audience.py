"""Each audience gets what it decides on, no more, and decides the same with it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.account import Consent, Group, GroupKind, Lock, Role, Service
from appliance.policy.audience import AUDIENCES, for_audience
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.mailing import MailRules
from appliance.policy.owners import NOBODY, Binding
from appliance.policy.request import Action, Request
from appliance.policy.rules import Who, decide
from appliance.policy.safe_search import Enforced, SearchRule, safe_search
from appliance.policy.snapshot import decode, encode, same_meaning
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules

from .strategies import FRED, NOW, account, checked, instants, requests, rule, school, snapshots

WHOLE = school(
    rule("mail", services=frozenset({Service.MAIL, Service.WEB}), who=Who(groups=frozenset({"chor"}))),
    rule("files", services=frozenset({Service.FILES})),
    accounts=(
        account(
            display_name="Fred Mustermann",
            groups=("chor", "klasse3a"),
            quota=10**9,
            locks=(Lock(Service.MAIL, NOW, None), Lock(Service.FILES, NOW, None), Lock(None, NOW, None)),
        ),
    ),
    groups={"chor": Group("chor", GroupKind.CLUB, 30002)},
    consents_required={Service.MAIL: frozenset({Consent.LOGS}), Service.WEB: frozenset({Consent.VIDEO})},
    mail=MailRules(sends_outside=frozenset({Role.TEACHER})),
    owners={"10.1.40.7": Binding(FRED, NOW, NOW + timedelta(hours=5))},
    safe_search=(SearchRule("web.yaml", Who(groups=frozenset({"chor"})), frozenset({Enforced.SEARCH})),),
)


def fred(audience):
    return for_audience(WHOLE, audience).accounts[FRED]


def test_the_supervisor_knows_all():
    assert same_meaning(for_audience(WHOLE, "supervisor"), WHOLE)


def test_mail_knows_what_mail_decides_on():
    part = for_audience(WHOLE, "mail")
    assert part.accounts == {
        FRED: replace(
            WHOLE.accounts[FRED],
            consents=frozenset({Consent.LOGS}),
            locks=(Lock(Service.MAIL, NOW, None), Lock(None, NOW, None)),
        )
    }
    assert [rule.source for rule in part.rules] == ["mail"]
    assert part.rules[0].services == {Service.MAIL}
    assert part.rules[0].text == WHOLE.rules[0].text
    assert part.consents_required == {Service.MAIL: frozenset({Consent.LOGS})}
    assert part.groups == WHOLE.groups
    assert part.mail == WHOLE.mail
    assert part.audience == "mail"


def test_only_who_needs_them_knows_names_ids_and_groups():
    assert {name for name in AUDIENCES if fred(name).display_name} == {"supervisor", "auth", "mail"}
    assert {name for name in AUDIENCES if fred(name).uid} == {"supervisor", "auth", "files", "mail"}
    assert {name for name in AUDIENCES if fred(name).quota} == {"supervisor", "auth", "files", "mail"}
    assert {name for name in AUDIENCES if "klasse3a" in fred(name).groups} == {"supervisor", "files", "mail"}
    assert {name for name in AUDIENCES if for_audience(WHOLE, name).groups} == {"supervisor", "files", "mail"}
    assert {name for name in AUDIENCES if for_audience(WHOLE, name).mail == WHOLE.mail} == {"supervisor", "mail"}


def test_only_the_web_knows_whose_device_is_where():
    assert {name for name in AUDIENCES if for_audience(WHOLE, name).owners} == {"supervisor", "web"}
    assert for_audience(WHOLE, "web").owners == WHOLE.owners
    assert {name for name in AUDIENCES if b"10.1.40.7" in encode(for_audience(WHOLE, name))} == {"supervisor", "web"}


def test_only_the_web_knows_which_sites_are_open_and_the_groups_that_are_asked_for():
    web = WebRules([WebRule("web.yaml:3 rules[0]", Who(groups=frozenset({"klasse3a"})), Verdict.BLOCK)])
    whole = replace(WHOLE, web=web)
    assert {name for name in AUDIENCES if for_audience(whole, name).web} == {"supervisor", "web"}
    assert "klasse3a" in for_audience(whole, "web").accounts[FRED].groups
    assert "klasse3a" not in for_audience(whole, "auth").accounts[FRED].groups
    again = for_audience(WHOLE, "web", (whole, for_audience(whole, "web")))
    assert again == for_audience(WHOLE, "web"), "who asked for a group no more is not told of it"


def test_who_decides_on_the_web_knows_all_that_is_set_for_lessons_and_the_others_exams_alone():
    later = NOW + timedelta(hours=1)
    exam = Lesson(1, Measure.EXAM, NOW, later, "klasse3a", "12", ("example.org",))
    whole = replace(WHOLE, lessons=(exam, Lesson(2, Measure.BLOCK, NOW, later, room="12")))
    parts = {name: for_audience(whole, name) for name in AUDIENCES}
    assert {name for name, part in parts.items() if part.lessons == whole.lessons} == {"supervisor", "auth", "web"}
    assert parts["mail"].lessons == parts["files"].lessons == (replace(exam, room=None, targets=()),)
    assert {name for name, part in parts.items() if "klasse3a" in part.accounts[FRED].groups} == set(AUDIENCES)


def test_only_the_web_knows_for_whom_search_is_made_safe_and_who_that_is():
    assert {name for name in AUDIENCES if for_audience(WHOLE, name).safe_search} == {"supervisor", "web"}
    without_rules = for_audience(replace(WHOLE, rules=()), "web")
    assert safe_search(without_rules.safe_search, without_rules.accounts[FRED]).source == "web.yaml"


@checked
@given(snapshots)
def test_search_is_safe_for_the_same_people_by_the_part_and_by_the_whole(snapshot):
    part = for_audience(snapshot, "web")
    for login, whole in snapshot.accounts.items():
        assert safe_search(part.safe_search, part.accounts[login]) == safe_search(snapshot.safe_search, whole)


def test_a_limit_goes_to_those_whose_service_it_is_about_with_the_groups_it_asks_for():
    limits = LimitTable(
        rules=(
            LimitRule("web", 1, 1, service=Service.WEB, role=Role.PUPIL),
            LimitRule("class", 2, 2, group="klasse3a"),
        )
    )
    whole = replace(WHOLE, limits=limits)
    mail, web = for_audience(whole, "mail"), for_audience(whole, "web")
    assert [rule.source for rule in mail.limits.rules] == ["class"]
    assert [rule.source for rule in web.limits.rules] == ["web", "class"]
    assert mail.accounts[FRED].groups == web.accounts[FRED].groups == ("chor", "klasse3a")


def test_nobody_but_the_supervisor_hears_of_log_on_at_pcs():
    """The files of the others have no word that a reader of the version before does not know."""
    at_pcs = account(locks=(Lock(Service.PC, NOW, None),))
    whole = school(
        rule("both", services=frozenset({Service.MAIL, Service.PC})),
        rule("pc", services=frozenset({Service.PC})),
        accounts=(at_pcs,),
        consents_required={Service.PC: frozenset({Consent.ACCOUNT})},
        limits=LimitTable(rules=(LimitRule("pc", 1, 1, service=Service.PC),)),
    )
    assert {name for name in AUDIENCES if b'"pc"' in encode(for_audience(whole, name))} == {"supervisor"}
    assert decode(encode(whole)) == whole


def test_an_unknown_audience_is_an_error():
    with pytest.raises(KeyError):
        for_audience(WHOLE, "press")


def test_an_audience_does_not_open_what_is_not_its_own():
    snapshot = school(rule(), accounts=(account(role=Role.TEACHER),))
    for audience, needs in AUDIENCES.items():
        for service in set(Service) - needs.services:
            decision = decide(for_audience(snapshot, audience), Request(FRED, service), NOW)
            assert decision.rule.source == "default"


@checked
@given(snapshots, requests, instants, st.sampled_from(sorted(AUDIENCES)), st.booleans())
def test_the_part_decides_as_the_whole(snapshot, request, now, audience, nobody):
    part = for_audience(snapshot, audience)
    if not AUDIENCES[audience].owners:  # who is not told of owners takes nobody by his address
        request = replace(request, login=request.login or "nobody", by_address=False)
    elif nobody:
        request = replace(request, login=NOBODY, service=Service.WEB)
    if not AUDIENCES[audience].sites:  # nor does such a one open sites
        request = replace(request, action=Action.SIGN_IN)
    if request.service in AUDIENCES[audience].services:
        assert decide(part, request, now) == decide(snapshot, request, now)
    assert decode(encode(part)) == part
    assert same_meaning(for_audience(part, audience), part)


@given(snapshots, snapshots, st.sampled_from(sorted(AUDIENCES)))
def test_what_was_cut_before_changes_no_cut(before, now, audience):
    known = before, for_audience(before, audience)
    assert for_audience(now, audience, known) == for_audience(now, audience)
    some = replace(now, accounts={**now.accounts, **before.accounts})
    assert for_audience(some, audience, known) == for_audience(some, audience)


def test_an_account_that_stays_is_not_cut_again():
    part = for_audience(WHOLE, "auth")
    again = for_audience(replace(WHOLE, domain="other.example"), "auth", (WHOLE, part))
    assert again.accounts[FRED] is part.accounts[FRED]
    without_rules = replace(WHOLE, rules=())
    assert for_audience(without_rules, "auth", (WHOLE, part)).accounts[FRED].groups == ()
