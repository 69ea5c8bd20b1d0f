"""Which rule decides on a site: the first that is about it, here and now; what it says; and until when."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.account import Account, Lock, Role, Service
from appliance.policy.decision import Allow, Deny, Reason, TryLater
from appliance.policy.owners import NOBODY
from appliance.policy.request import Action, Request
from appliance.policy.rules import Who, decide, explain
from appliance.policy.targets import domains_of
from appliance.policy.web import ADDRESS, UNLISTED, Site, Verdict, WebRule, first_match
from appliance.policy.web_rules import RuleIndex, WebRules

from .strategies import (
    BERLIN,
    CATEGORIES,
    FRED,
    LESSONS,
    NOW,
    account,
    berlin,
    checked,
    instants,
    rule,
    school,
    web_rules,
)

EVERYONE = Who(everyone=True)
GAMES = frozenset({"games"})
NOTHING = frozenset({UNLISTED})


def web(verdict="block", line=3, **fields):
    sets = {
        name: frozenset(fields.pop(name)) for name in ("categories", "targets", "rooms", "devices") if name in fields
    }
    who = fields.pop("who", EVERYONE)
    return WebRule(f"web.yaml:{line} rules[0]", who, Verdict(verdict), **sets, **fields)


def ask(*rules, host="www.example.org", categories=NOTHING, at=NOW, **fields):
    people = fields.pop("accounts", (account(),))
    wanted = {"login": FRED, **fields}
    request = Request(service=Service.WEB, action=Action.FETCH, target=host, categories=categories, **wanted)
    return decide(school(web=WebRules(rules), accounts=people), request, at)


def test_a_site_that_no_rule_is_about_is_open_by_what_opens_the_web():
    for rules in ((), (web(targets=["other.example"]), web(categories=["games"]))):
        found = ask(*rules)
        assert isinstance(found, Allow)
        assert found.rule.source == rule().source


def test_the_first_that_is_about_a_site_decides():
    allow, block = web("allow", 3, targets=["example.org"]), web("block", 4, categories=["games"])
    opened = ask(allow, block, categories=GAMES)
    assert isinstance(opened, Allow)
    assert opened.rule == allow.rule
    closed = ask(block, allow, categories=GAMES)
    assert (closed.reason, closed.rule.source) == (Reason.CLOSED_CATEGORY, "web.yaml:4 rules[0]")
    assert closed.rule.text == "the site is in games: block games for everyone"


@pytest.mark.parametrize(
    ("host", "about"),
    [
        ("example.org", True),
        ("a.b.example.org:443", True),
        ("https://www.example.org/x", True),
        ("evil-example.org", False),
        ("example.org.evil.example", False),
        ("org", False),
    ],
)
def test_a_domain_means_all_below_it(host, about):
    found = ask(web(targets=["example.org"]), host=host)
    assert isinstance(found, Deny if about else Allow)
    if about:
        assert (found.reason, found.rule.text) == (Reason.CLOSED_SITE, "block example.org for everyone")


def test_what_is_on_no_list_is_a_category():
    assert ask(web(categories=[UNLISTED])).reason is Reason.CLOSED_CATEGORY
    assert isinstance(ask(web(categories=[UNLISTED]), categories=GAMES), Allow)


def test_the_categories_of_all_rules_are_those_that_a_list_must_have():
    rules = WebRules([web(categories=["games", UNLISTED]), web(categories=[ADDRESS]), web(categories=["chat"])])
    assert rules.categories == {"games", "chat"}
    assert WebRules().categories == frozenset()


def test_only_closes_what_it_does_not_name():
    only = web("only", categories=["learning"], targets=["example.org"])
    assert ask(only, web()).rule == only.rule
    assert isinstance(ask(only, host="other.example", categories=frozenset({"learning"})), Allow)
    closed = ask(only, host="other.example", categories=GAMES)
    assert (closed.reason, closed.rule) == (Reason.CLOSED_SITE, only.rule)
    assert only.text == "only allow example.org, learning for everyone"
    assert isinstance(ask(replace(only, who=Who(groups=frozenset({"chor"}))), host="other.example"), Allow)


def test_always_comes_before_rules_that_stand_before_it():
    always = web("always", 9, targets=["example.org"])
    for first in (web(), web("only", targets=["other.example"]), web(categories=["games"])):
        assert ask(first, always, categories=GAMES).rule == always.rule
    assert ask(web(), always, host="other.example").reason is Reason.NOT_OPEN


def test_always_opens_no_locked_account_and_no_closed_web():
    always = web("always")
    locked = account(locks=(Lock(Service.WEB, NOW, None),))
    assert ask(always, accounts=(locked,)).reason is Reason.LOCKED
    closed = school(rule(allow=False), web=WebRules([always]))
    request = Request(FRED, Service.WEB, Action.FETCH, "example.org", categories=NOTHING)
    assert decide(closed, request, NOW).reason is Reason.NOT_OPEN


def test_a_rule_without_sites_is_about_every_site():
    closed = ask(web(schedule=LESSONS))
    assert closed.reason is Reason.NOT_OPEN
    assert closed.rule.text.startswith("block every site for everyone; Mon Tue")
    assert closed.valid_until == berlin("2026-11-23 13:00")


def test_the_time_decides_and_is_told_ahead():
    block = web(categories=["games"], schedule=LESSONS)
    before = ask(block, categories=GAMES, at=berlin("2026-11-23 07:00"))
    assert isinstance(before, Allow)
    assert before.valid_until == berlin("2026-11-23 08:00")
    assert ask(block, categories=GAMES).valid_until == berlin("2026-11-23 13:00")
    assert ask(block).valid_until is None, "a rule about other sites changes nothing"
    always = web("always", schedule=replace(LESSONS, windows=LESSONS.windows[:1]))
    assert ask(block, always, categories=GAMES, at=berlin("2026-11-23 07:00")).valid_until == berlin("2026-11-23 08:00")


@pytest.mark.parametrize(
    ("where", "inside", "outside"),
    [
        ({"rooms": ["12"]}, {"address": "10.1.12.3"}, {"address": "10.1.99.3"}),
        ({"rooms": ["12"]}, {"room": "12"}, {"room": "12a"}),
        ({"networks": (ip_network("10.1.12.0/24"),)}, {"address": "::ffff:10.1.12.3"}, {"address": "fd00:12::5"}),
        ({"networks": (ip_network("10.1.12.0/24"),)}, {"address": "10.1.12.3"}, {}),
        ({"devices": ["10.1.12.3"]}, {"address": "10.1.12.3"}, {"address": "10.1.12.4"}),
        ({"devices": ["10.1.12.3"]}, {"address": "::ffff:10.1.12.3"}, {"address": "nonsense"}),
        ({"rooms": ["12"], "devices": ["10.1.12.3"]}, {"address": "10.1.12.3"}, {"address": "10.1.12.4"}),
    ],
)
def test_where_somebody_is(where, inside, outside):
    assert isinstance(ask(web(**where), **inside), Deny)
    assert isinstance(ask(web(**where), **outside), Allow)


def test_words_name_no_person_and_no_device():
    text = web(
        who=Who(logins=frozenset({FRED})),
        rooms=["12"],
        networks=(ip_network("10.1.12.0/24"),),
        devices=["10.1.12.3", "10.1.12.4"],
    ).text
    assert text == "block every site for 1 named account(s); in 12; from 10.1.12.0/24; on 2 named device(s)"


def test_what_blocks_a_category_blocks_bare_addresses():
    bare = frozenset({ADDRESS})
    closed = ask(web(categories=["games"]), host="93.184.215.14", categories=bare)
    assert closed.reason is Reason.CLOSED_CATEGORY
    assert closed.rule.text == "a name is asked for, no address: block games for everyone"
    assert isinstance(ask(web("allow", categories=[ADDRESS]), web(categories=["games"]), categories=bare), Allow)
    assert isinstance(ask(web(targets=["other.example"]), host="93.184.215.14", categories=bare), Allow)
    assert isinstance(ask(web("allow", categories=["games"]), web(), categories=bare), Deny)
    by_target = web(categories=["games"], targets=["93.184.215.14"])
    assert ask(by_target, host="93.184.215.14", categories=bare).reason is Reason.CLOSED_SITE


def test_categories_that_nobody_looked_up_are_not_guessed():
    found = ask(web(categories=["games"]), categories=None)
    assert isinstance(found, TryLater)
    assert isinstance(ask(web("only", categories=["games"]), categories=None), TryLater)
    assert isinstance(ask(web("allow", targets=["example.org"]), web(categories=["games"]), categories=None), Allow)
    assert ask(web(categories=["games"], targets=["example.org"]), categories=None).reason is Reason.CLOSED_SITE
    later = ask(web(categories=["games"], schedule=LESSONS), categories=None)
    assert later.valid_until == berlin("2026-11-23 13:00")


def test_a_sign_in_and_other_services_are_no_sites():
    for service in Service:
        request = Request(FRED, service, Action.SIGN_IN)
        assert isinstance(decide(school(web=WebRules([web()])), request, NOW), Allow)
    request = Request(FRED, Service.FILES, Action.READ, "example.org")
    assert isinstance(decide(school(web=WebRules([web()])), request, NOW), Allow)


def test_the_server_itself_looks_whether_the_web_works_and_not_what_is_closed():
    hidden = account(hidden=True)
    assert isinstance(ask(web(), accounts=(hidden,)), Allow)


def test_nobody_gets_what_each_role_gets():
    rules = [web(categories=[str(role)], who=Who(roles=frozenset({role}))) for role in Role]
    for role in Role:
        closed = ask(*rules, login=NOBODY, address="10.1.40.7", categories=frozenset({str(role)}))
        assert closed.reason is Reason.CLOSED_CATEGORY
    assert isinstance(ask(*rules, login=NOBODY, address="10.1.40.7"), Allow)


def test_it_is_explained():
    rules = (
        web("always", 2, targets=["other.example"]),
        web("allow", 3, targets=["example.org"], who=Who(roles=frozenset({Role.TEACHER}))),
        web("block", 4, categories=["games"], rooms=["12a"]),
        web("block", 5, categories=["games"], schedule=replace(LESSONS, weekdays=frozenset({6}))),
        web("block", 6, categories=["games"]),
    )
    request = Request(FRED, Service.WEB, Action.FETCH, "example.org", "10.1.12.3", categories=frozenset({"games", "b"}))
    decision, steps = explain(school(web=WebRules(rules)), request, NOW)
    assert decision.reason is Reason.CLOSED_CATEGORY
    assert list(steps[-6:]) == [
        "the site is in b, games",
        "web.yaml:2 rules[0] is about other sites",
        "web.yaml:3 rules[0] is about other people",
        "web.yaml:4 rules[0] is about another room",
        "web.yaml:5 rules[0] is about another time",
        "web.yaml:6 rules[0] decides: block games for everyone",
    ]


# -- any rules -------------------------------------------------------------------------------------------------------

sites = st.builds(
    Site,
    st.builds(Account, st.sampled_from([FRED, "anna.lehmann"]), st.just(1), st.sampled_from(Role)),
    st.sampled_from(["example.org", "a.example.org", "other.example", "10.1.12.3"]).map(domains_of),
    st.frozensets(st.sampled_from(CATEGORIES)),
    st.none() | st.sampled_from(["12", "12a"]),
    st.none() | st.sampled_from(["10.1.12.3", "10.1.12.70", "fd00:12::5"]).map(ip_address),
)


def naive(rules, site, now):
    """Give whether a site is open, by nothing but words that anybody reads the same way."""
    for one in rules:
        named = bool(one.targets & site.names) or bool(one.categories & site.categories)
        if one.verdict is Verdict.BLOCK and one.categories and ADDRESS in site.categories:
            named = True
        if not one.targets and not one.categories:
            named = True
        covered = (
            one.who.covers(site.account)
            and (not one.rooms or site.room in one.rooms)
            and (not one.networks or any(site.address in net for net in one.networks if site.address is not None))
            and (not one.devices or (site.address is not None and site.address in map(ip_address, one.devices)))
            and (one.schedule is None or one.schedule.active(now))
        )
        if covered and (named or one.verdict is Verdict.ONLY):
            return named and one.verdict is not Verdict.BLOCK
    return True


@checked
@given(st.lists(web_rules, max_size=5), sites, instants)
def test_it_says_what_the_words_say(rules, site, now):
    found, _edge = first_match(rules, site, now, lambda *_said: None)
    assert (not isinstance(found, Deny)) is naive(rules, site, now)


@checked
@given(st.lists(web_rules, max_size=5), sites, instants, st.floats(0, 1, exclude_max=True))
def test_it_stands_until_it_says(rules, site, now, place):
    found, edge = first_match(rules, site, now, lambda *_said: None)
    end = now + timedelta(days=400) if edge is None else edge
    assert end.astimezone(BERLIN) > now
    later = min(now + (end - now) * place, end - timedelta.resolution)
    assert first_match(rules, site, later, lambda *_said: None)[0] == found


@checked
@given(st.lists(web_rules, max_size=6), sites, instants, st.booleans())
def test_the_few_that_are_found_say_what_all_say(rules, site, now, looked_up):
    site = site if looked_up else site._replace(categories=None)
    index = RuleIndex(rules)
    silent = first_match(index.about(site), site, now, lambda *_said: None)
    assert silent == first_match(rules, site, now, lambda *_said: None)
    assert len(index.about(site)) <= len(index.rules)


def test_the_order_is_kept_and_what_cannot_be_about_a_site_is_left_out():
    rules = [web(line=number, targets=[f"x{number}.example", "example.org"]) for number in range(9)]
    index = RuleIndex([*rules[:5], web(targets=["other.example"]), web(categories=["games"]), *rules[5:]])
    assert index.about(Site(account(), domains_of("www.example.org"), NOTHING)) == rules
