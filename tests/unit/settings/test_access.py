"""What stands in access.yaml is what decides: rules, modules, consents, limits, each with the line it came from."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_network

import pytest

from appliance.policy.account import Account, Consent, Role, Service
from appliance.policy.decision import Allow, Deny, Limits, Reason
from appliance.policy.limits import LimitRule
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot, Version
from appliance.settings.check import check
from appliance.settings.load import load

MB = 1_000_000
CONSENTS = frozenset({Consent.ACCOUNT, Consent.LOGS})
PUPIL = Account("fred.mustermann", 20001, Role.PUPIL, groups=("klasse3a",), consents=CONSENTS)
TEACHER = Account("ina.lehrer", 20002, Role.TEACHER, consents=CONSENTS)
NETWORK = 'rooms:\n  "12": [10.1.12.0/24]\n  library: [10.1.20.0/24]\n'
SCHOOL = "holidays:\n- {name: Weihnachten, first: 2026-12-23, last: 2027-01-06}\n"


@pytest.fixture
def decision(tmp_path):
    (tmp_path / "network.yaml").write_text(NETWORK)
    (tmp_path / "school.yaml").write_text(SCHOOL)

    def ask(written, login="fred.mustermann", service=Service.WEB, at="2026-11-23 09:30", **more):
        (tmp_path / "access.yaml").write_text(written)
        loaded = load(tmp_path)
        access = loaded.access
        snapshot = Snapshot(
            Version(1, 1),
            "web",
            "schule.example",
            loaded.school.zone,
            accounts={account.login: account for account in (PUPIL, TEACHER)},
            rules=access.rules,
            consents_required=access.consents_required,
            rooms={name: tuple(map(ip_network, networks)) for name, networks in loaded.network.rooms.items()},
            limits=access.limits,
        )
        now = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=loaded.school.zone)
        more.setdefault("action", Action.FETCH if more.get("target") else Action.SIGN_IN)
        return decide(snapshot, Request(login, service, **more), now)

    return ask


LESSON = """rules:
- deny: [web]
  roles: [pupil]
  rooms: ["12"]
  weekdays: [mon-fri]
  times: [09:00-09:45]
"""


def test_everything_is_open_by_default(decision):
    for service in Service:
        answer = decision("", service=service)
        assert isinstance(answer, Allow)
        assert answer.rule.source == f"access.yaml (default) modules.{service}"
        assert answer.limits == Limits(20_000_000, 20_000_000)


def test_a_rule_names_its_line(decision):
    answer = decision(LESSON, room="12")
    assert isinstance(answer, Deny)
    assert answer.reason is Reason.NOT_OPEN
    assert answer.rule.source == "access.yaml:2 rules[0]"
    assert answer.valid_until is not None
    assert (
        answer.valid_until.astimezone().timestamp() == datetime.fromisoformat("2026-11-23T09:45:00+01:00").timestamp()
    )


@pytest.mark.parametrize(
    "other",
    [
        {"room": "library"},
        {"room": "12", "at": "2026-11-23 09:45"},
        {"room": "12", "at": "2026-11-22 09:30"},
        {"room": "12", "login": "ina.lehrer"},
        {"room": "12", "service": Service.MAIL},
    ],
)
def test_a_rule_is_about_nothing_else(decision, other):
    assert isinstance(decision(LESSON, **other), Allow)


def test_module_off_and_an_exception(decision):
    written = "modules:\n  mail: off\nrules:\n- allow: [mail]\n  users: [ina.lehrer]\n"
    closed = decision(written, service=Service.MAIL)
    assert isinstance(closed, Deny)
    assert closed.rule.source == "access.yaml:2 modules.mail"
    opened = decision(written, service=Service.MAIL, login="ina.lehrer")
    assert isinstance(opened, Allow)
    assert opened.rule.source == "access.yaml:4 rules[0]"
    assert "ina" not in opened.rule.text


def test_a_module_for_some_roles(decision):
    written = "modules:\n  web: [teacher, staff]\n"
    assert isinstance(decision(written, login="ina.lehrer"), Allow)
    closed = decision(written)
    assert isinstance(closed, Deny)
    assert closed.rule.source == "access.yaml:2 modules.web"


def test_log_on_at_pcs_is_open_until_it_is_closed_and_needs_the_consent_to_the_account(decision):
    night = "rules:\n- {deny: [pc], roles: [pupil], times: [22:00-06:00]}\n"
    assert isinstance(decision(night, service=Service.PC), Allow)
    assert isinstance(decision(night, service=Service.PC, at="2026-11-23 23:00"), Deny)
    assert isinstance(decision("modules: {pc: [teacher]}\n", service=Service.PC), Deny)
    asked = decision("consents:\n  pc: [third-party]\n", service=Service.PC)
    assert isinstance(asked, Deny)
    assert asked.reason is Reason.CONSENT_MISSING


def test_limits_are_not_about_log_on(tmp_path):
    (tmp_path / "access.yaml").write_text("limits:\n  services: {pc: {upload: 1 MB}}\n")
    (only,) = map(str, check(tmp_path))
    assert "'pc'" in only
    assert "one of mail, files, web" in only


def test_groups_and_targets(decision):
    written = (
        "modules: {web: off}\nrules:\n- {allow: [web], groups: [klasse3a], targets: [example.org, bücher.example]}\n"
    )
    assert isinstance(decision(written, target="https://www.example.org/x"), Allow)
    assert isinstance(decision(written, target="https://xn--bcher-kva.example/"), Allow)
    assert isinstance(decision(written, target="https://example.com/"), Deny)


def test_holidays(decision):
    written = "rules:\n- {deny: [web], holidays: only}\n"
    assert isinstance(decision(written, at="2026-12-24 10:00"), Deny)
    assert isinstance(decision(written, at="2026-12-22 10:00"), Allow)


def test_consents(decision):
    written = "consents:\n  web: [account, third-party]\n"
    answer = decision(written)
    assert isinstance(answer, Deny)
    assert answer.reason is Reason.CONSENT_MISSING
    assert isinstance(decision("consents:\n  web: []\n"), Allow)


def test_limits_of_a_role(tmp_path):
    (tmp_path / "access.yaml").write_text("limits:\n  download: 30 MiB\n  roles:\n    teacher: {upload: 100 MB}\n")
    (tmp_path / "mail.yaml").write_text("message_overhead: 1 MiB\n")
    limits = load(tmp_path).access.limits
    assert limits.default == Limits(20_000_000, 30 * 2**20)
    assert limits.roles == {Role.TEACHER: Limits(100_000_000, 30 * 2**20)}
    assert limits.message_overhead == 2**20


def test_limits_of_all_kinds_with_their_lines_and_without_a_login(tmp_path):
    (tmp_path / "network.yaml").write_text(NETWORK)
    (tmp_path / "access.yaml").write_text(
        "limits:\n"
        "  services:\n"
        "    web:\n"
        "      download: 50 MB\n"
        "      roles: {office: {upload: 60 MB}}\n"
        "  groups: {klasse3a: {upload: 70 MB}}\n"
        "  users:\n"
        "    fred.mustermann: {upload: 80 MB, download: 90 MB}\n"
        "  rooms: {12: {upload: 500 MB}}\n"
    )
    assert load(tmp_path).access.limits.rules == (
        LimitRule("access.yaml:3 limits.services.web", None, 50 * MB, service=Service.WEB),
        LimitRule(
            "access.yaml:5 limits.services.web.roles.office", 60 * MB, None, service=Service.WEB, role=Role.OFFICE
        ),
        LimitRule("access.yaml:6 limits.groups.klasse3a", 70 * MB, None, group="klasse3a"),
        LimitRule("access.yaml:8 limits.users", 80 * MB, 90 * MB, login="fred.mustermann"),
        LimitRule("access.yaml:9 limits.rooms.12", 500 * MB, None, room="12"),
    )


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("rooms: {libary: {upload: 1 MB}}", "limits.rooms.libary: found 'libary'; allowed: a room of network.yaml"),
        ("services: {ftp: {upload: 1 MB}}", "limits.services.ftp"),
        ("users: {Fred.Mustermann: {upload: 1 MB}}", "a login in lower case"),
        ("groups: {klasse3a: {upload: 20}}", "limits.groups.klasse3a.upload"),
    ],
)
def test_limits_that_cannot_be_meant(written, part, tmp_path):
    (tmp_path / "network.yaml").write_text(NETWORK)
    (tmp_path / "access.yaml").write_text(f"limits:\n  {written}\n")
    (only,) = map(str, check(tmp_path))
    assert part in only


@pytest.mark.parametrize(
    ("written", "place", "part"),
    [
        ("- {roles: [pupil]}", "rules[0]", "neither allow nor deny"),
        ("- {allow: [web], deny: [mail]}", "rules[0]", "both allow and deny"),
        ("- {allow: []}", "rules[0].allow", "an empty list"),
        ("- {deny: [wep]}", "rules[0].deny[0]", "did you mean web?"),
        ("- {deny: [web], roles: [pupils]}", "rules[0].roles[0]", "did you mean pupil?"),
        ("- {deny: [web], rooms: [libary]}", "rules[0].rooms[0]", "did you mean library?"),
        ("- {deny: [web], rooms: [12, 99]}", "rules[0].rooms[1]", "a room of network.yaml: 12, library"),
        ("- {deny: [web, mail], targets: [example.org]}", "rules[0].targets", "other services"),
        ("- {deny: [web, pc], targets: [example.org]}", "rules[0].targets", "other services"),
        ("- {deny: [web, pc], rooms: [12]}", "rules[0].rooms", "open or closed at all PCs alike"),
        ("- {allow: [pc], rooms: [12]}", "rules[0].rooms", "rooms in a rule about pc"),
        ("- {deny: [web], targets: ['https://example.org/x']}", "rules[0].targets[0]", "did you mean example.org?"),
        ("- {deny: [web], times: [09:00-09:00]}", "rules[0].times[0]", "not empty"),
        ("- {deny: [web], users: [Fred.Mustermann]}", "rules[0].users[0]", "a login in lower case"),
        ("- {deny: [web], weekdays: mon-fri}", "rules[0].weekdays", "did you mean [mon-fri]?"),
        ("- {deny: [web, mail]}\n- {allow: [web], roles: [teacher]}", "rules[1]", "never decides, after access.yaml:2"),
    ],
)
def test_rules_that_cannot_be_meant(written, place, part, tmp_path):
    (tmp_path / "network.yaml").write_text(NETWORK)
    (tmp_path / "access.yaml").write_text(f"rules:\n{written}\n")
    (only,) = map(str, check(tmp_path))
    assert only.startswith("access.yaml:")
    assert f": {place}: found" in only
    assert part in only


def test_holidays_that_nobody_named(tmp_path):
    (tmp_path / "access.yaml").write_text("rules:\n- {deny: [web], holidays: except}\n")
    (only,) = map(str, check(tmp_path))
    assert "school.yaml names no holidays" in only


def test_one_wrong_rule_does_not_hide_the_next(tmp_path):
    (tmp_path / "access.yaml").write_text("rules:\n- {dny: [web]}\n- {deny: [web], rooms: [x]}\n- {roles: [pupil]}\n")
    assert len(check(tmp_path)) == 3
