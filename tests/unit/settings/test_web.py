"""What stands in web.yaml is what decides on sites: rules in their order, then domains and categories of roles."""

from datetime import datetime
from ipaddress import ip_network

import pytest

from appliance.policy.access import Who
from appliance.policy.account import Role
from appliance.policy.schedule import Holidays
from appliance.policy.web import Verdict
from appliance.settings.check import check
from appliance.settings.load import load


def problems(folder, text):
    (folder / "network.yaml").write_text('rooms: {"12": [10.1.12.0/24]}\n')
    (folder / "web.yaml").write_text(text, encoding="utf-8")
    return [str(problem) for problem in check(folder)]


def test_by_default_categories_are_closed_by_role(tmp_path):
    rules = load(tmp_path).web_rules
    rules = {role: rule for rule in rules for role in rule.who.roles}
    assert rules.keys() == set(Role)
    assert {rule.verdict for rule in rules.values()} == {Verdict.BLOCK}
    assert {"doh", "anonymisers", "translators", "caches", "malware"} <= rules[Role.PUPIL].categories
    assert rules[Role.TEACHER].categories == {"malware", "phishing"}
    assert rules[Role.PUPIL].source == "web.yaml (default) blocked_categories"


RULES = """\
always: [fragfinn.example, '*.Bücher.example']
blocked_categories: {pupil: [games], teacher: []}
rules:
- verdict: only
  roles: [pupil]
  groups: [klasse3a]
  users: [anna.lehmann]
  categories: [learning]
  targets: [example.org]
  rooms: ["12"]
  networks: [10.1.12.0/24, 10.1.40.7]
  devices: ['2001:DB8:0::1']
  weekdays: [mon-fri]
  times: ['08:00-13:00']
- {verdict: allow, targets: [spiele.example]}
"""


def test_rules_come_first_and_carry_their_line(tmp_path):
    assert problems(tmp_path, RULES) == []
    loaded = load(tmp_path)
    first, second, always, pupils = loaded.web_rules
    assert (first.verdict, first.source) == (Verdict.ONLY, "web.yaml:4 rules[0]")
    assert first.who == Who(False, frozenset({Role.PUPIL}), frozenset({"klasse3a"}), frozenset({"anna.lehmann"}))
    assert (first.categories, first.targets, first.rooms) == ({"learning"}, {"example.org"}, {"12"})
    assert first.networks == (ip_network("10.1.12.0/24"), ip_network("10.1.40.7/32"))
    assert first.devices == {"2001:db8::1"}
    assert first.schedule.active(datetime(2026, 11, 23, 12, 59, tzinfo=loaded.school.zone))
    assert not first.schedule.active(datetime(2026, 11, 22, 12, 59, tzinfo=loaded.school.zone))
    assert (second.verdict, second.who, second.schedule) == (Verdict.ALLOW, Who(everyone=True), None)
    assert (always.verdict, always.source) == (Verdict.ALWAYS, "web.yaml:1 always")
    assert always.targets == {"fragfinn.example", "xn--bcher-kva.example"}
    assert (pupils.verdict, pupils.categories, pupils.source) == (
        Verdict.BLOCK,
        {"games"},
        "web.yaml:2 blocked_categories",
    )


def test_holidays(tmp_path):
    (tmp_path / "school.yaml").write_text("holidays:\n- {name: W, first: 2026-12-23, last: 2027-01-06}\n")
    assert problems(tmp_path, "rules: [{verdict: block, holidays: only}]") == []
    (rule, *_roles) = load(tmp_path).web_rules
    assert rule.schedule.holidays is Holidays.ONLY
    assert len(rule.schedule.days_off) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: [{targets: [example.org]}]", "verdict"),
        ("rules: [{verdict: deny}]", "one of allow, block, only, always"),
        ("rules: [{verdict: block, rooms: ['13']}]", "a room of network.yaml"),
        ("rules: [{verdict: block, holidays: except}]", "holidays in school.yaml"),
        ("rules: [{verdict: block, devices: [here]}]", "an IP address such as 10.1.12.3\n"),
        ("rules: [{verdict: block, networks: [10.1.12.3/24]}]", "10.1.12.0/24"),
        ("rules: [{verdict: block, targets: ['a b']}]", "a domain"),
        ("rules: [{verdict: block, targets: ['[::1]']}]", "a domain"),
        ("rules: [{verdict: block, categories: ['a b']}]", "a category"),
        ("rules: [{verdict: only, roles: [pupil]}]", "that stay open"),
        ("rules: [{verdict: block}, {verdict: allow, targets: [example.org]}]", "never decides, after web.yaml:1"),
        ("rules: [{verdict: only, targets: [a.example]}, {verdict: block, roles: [pupil]}]", "never decides"),
        ("blocked_categories: {pupils: [games]}", "pupil"),
        ("always: ['https://']", "a domain"),
    ],
)
def test_what_does_not_work_is_said(tmp_path, text, problem):
    found = problems(tmp_path, text)
    assert len(found) == 1 and problem in f"{found[0]}\n", found
    assert found[0].startswith("web.yaml:1")


def test_what_is_always_open_may_stand_anywhere(tmp_path):
    text = "rules: [{verdict: block}, {verdict: always, targets: [a.example]}, {verdict: always, users: [ada]}]"
    assert problems(tmp_path, text) == []


def test_a_rule_that_is_wrong_by_itself_is_one_problem(tmp_path):
    assert len(problems(tmp_path, "rules: [{verdict: block}, {verdict: deny}]")) == 1
