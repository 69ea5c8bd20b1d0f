"""Who may do what: each step of the decision, what it says, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from appliance.policy.account import Consent, Lock, Role, Service
from appliance.policy.decision import Allow, Deny, Limits, Reason, Rule, TryLater
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.request import Action, Request
from appliance.policy.rules import Who, decide, explain, room_of
from appliance.policy.schedule import Schedule, Window

from .strategies import BERLIN, FRED, LESSONS, NOW, account, berlin, rule, school

MAIL = Request(FRED, Service.MAIL)
WEB = Request(FRED, Service.WEB, Action.FETCH, "https://www.example.org/")
HOUR = timedelta(hours=1)
MB = 1_000_000


def person(**fields):
    return school(accounts=(account(**fields),))


def test_open_to_all():
    assert decide(school(), MAIL, NOW) == Allow(rule().rule, Limits(20 * MB, 20 * MB), None)


def test_without_a_snapshot_nobody_knows_yet():
    assert isinstance(decide(None, MAIL, NOW), TryLater)
    assert explain(None, MAIL, NOW)[1] == ("no snapshot has been read yet",)


def test_an_instant_needs_a_zone():
    with pytest.raises(ValueError, match="time zone"):
        decide(school(), MAIL, datetime(2026, 11, 23, 9, 30))


@pytest.mark.parametrize(
    ("snapshot", "reason", "source"),
    [
        (school(accounts=()), Reason.UNKNOWN_ACCOUNT, "state accounts"),
        (person(disabled=True), Reason.DISABLED, "state accounts"),
        (person(locks=(Lock(None, NOW, None),)), Reason.LOCKED, "state lock"),
        (person(locks=(Lock(Service.MAIL, NOW, None),)), Reason.LOCKED, "state lock"),
        (person(must_change=True), Reason.MUST_CHANGE, "state password"),
        (replace(school(), rules=()), Reason.NOT_OPEN, "default"),
        (school(rule("access.yaml:7 rules[0]", allow=False), rule()), Reason.NOT_OPEN, "access.yaml:7 rules[0]"),
    ],
)
def test_each_reason_to_deny_names_what_decided(snapshot, reason, source):
    decision = decide(snapshot, MAIL, NOW)
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.rule.source, decision.valid_until) == (reason, source, None)
    assert FRED not in decision.rule.text


def test_the_first_reason_in_order_is_the_one():
    everything = {
        "disabled": True,
        "locks": (Lock(None, NOW, None),),
        "must_change": True,
        "consents": frozenset(),
    }
    snapshot = replace(school(), rules=(), consents_required={Service.MAIL: frozenset({Consent.LOGS})})
    reasons = []
    for field in [None, "disabled", "locks", "must_change", "consents"]:
        everything.pop(field, None)
        reasons.append(decide(replace(snapshot, accounts={FRED: account(**everything)}), MAIL, NOW).reason)
    assert reasons == [
        Reason.DISABLED,
        Reason.LOCKED,
        Reason.MUST_CHANGE,
        Reason.CONSENT_MISSING,
        Reason.NOT_OPEN,
    ]


# -- locks (K18) ------------------------------------------------------------------------------------------------------


def test_a_lock_of_one_service_leaves_the_others_open():
    snapshot = person(locks=(Lock(Service.WEB, NOW, None),))
    assert isinstance(decide(snapshot, MAIL, NOW), Allow)
    assert isinstance(decide(snapshot, WEB, NOW), Deny)


def test_a_lock_holds_from_its_first_to_before_its_last_instant():
    snapshot = person(locks=(Lock(None, NOW, NOW + HOUR),))
    before = decide(snapshot, MAIL, NOW - HOUR)
    during = decide(snapshot, MAIL, NOW)
    assert isinstance(before, Allow)
    assert before.valid_until == NOW
    assert isinstance(during, Deny)
    assert during.valid_until == NOW + HOUR
    assert during.rule.text == "the account is locked until 2026-11-23 10:30"
    assert decide(snapshot, MAIL, NOW + HOUR).valid_until is None
    assert isinstance(decide(snapshot, MAIL, NOW + HOUR), Allow)


def test_of_several_locks_the_widest_and_longest_is_named():
    locks = (Lock(Service.MAIL, NOW, None), Lock(None, NOW, NOW + HOUR), Lock(None, NOW, NOW + 2 * HOUR))
    decision = decide(person(locks=locks), MAIL, NOW)
    assert decision.rule.text == "the account is locked until 2026-11-23 11:30"
    assert decision.valid_until == NOW + HOUR


@pytest.mark.parametrize("until", [None, datetime.max.replace(tzinfo=UTC)])
def test_a_lock_for_good(until):
    decision = decide(person(locks=(Lock(Service.MAIL, NOW, until),)), MAIL, NOW)
    assert decision.rule.text == "mail is locked for good"


def test_a_lock_that_ends_in_the_second_of_two_equal_hours_holds_through_the_first():
    snapshot = person(locks=(Lock(None, NOW - timedelta(days=99), berlin("2026-10-25 02:30", fold=1)),))
    assert isinstance(decide(snapshot, MAIL, berlin("2026-10-25 02:45")), Deny)
    assert isinstance(decide(snapshot, MAIL, berlin("2026-10-25 02:45", fold=1)), Allow)


# -- consents (K23) ---------------------------------------------------------------------------------------------------

REQUIRED = {Service.MAIL: frozenset({Consent.ACCOUNT, Consent.LOGS})}


def test_a_service_needs_its_consents():
    snapshot = school(accounts=(account(consents=frozenset({Consent.ACCOUNT})),), consents_required=REQUIRED)
    decision = decide(snapshot, MAIL, NOW)
    assert decision == Deny(Reason.CONSENT_MISSING, Rule("state consents", "mail needs consent to: logs"))
    assert isinstance(decide(snapshot, WEB, NOW), Allow)


def test_the_servers_own_account_is_asked_for_no_consent():
    snapshot = school(accounts=(account(consents=frozenset(), hidden=True),), consents_required=REQUIRED)
    assert isinstance(decide(snapshot, MAIL, NOW), Allow)


@pytest.mark.parametrize("fields", [{"who": Who()}, {"schedule": LESSONS}, {"rooms": frozenset({"12"})}])
def test_the_servers_own_account_may_use_what_is_open_to_anybody_at_any_time(fields):
    night = berlin("2026-11-23 23:00")
    snapshot = school(rule(services=frozenset({Service.MAIL}), **fields), accounts=(account(hidden=True),))
    decision, steps = explain(snapshot, MAIL, night)
    assert decision.rule.source == "state accounts"
    assert isinstance(decision, Allow)
    assert decision.rule.text in steps
    assert isinstance(decide(snapshot, Request(FRED, Service.FILES), night), Deny)
    assert isinstance(decide(school(rule(allow=False), accounts=(account(hidden=True),)), MAIL, night), Deny)


# -- log-on at the school's PCs ---------------------------------------------------------------------------------------

PC = Request(FRED, Service.PC)


def test_log_on_at_a_pc_stays_open_to_whoever_must_change_his_password_there():
    decision, steps = explain(person(must_change=True), PC, NOW)
    assert isinstance(decision, Allow)
    assert any("asks for the new one" in step for step in steps)
    assert not any("asks for the new one" in step for step in explain(person(), PC, NOW)[1])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"disabled": True}, Reason.DISABLED),
        ({"locks": (Lock(None, NOW, None),)}, Reason.LOCKED),
        ({"locks": (Lock(Service.PC, NOW, None),)}, Reason.LOCKED),
        ({"consents": frozenset()}, Reason.CONSENT_MISSING),
    ],
)
@pytest.mark.parametrize("must_change", [False, True])
def test_what_else_closes_log_on_closes_it_before_a_change_of_the_password_too(fields, reason, must_change):
    there = account(**{"must_change": must_change, **fields})
    snapshot = school(accounts=(there,), consents_required={Service.PC: frozenset({Consent.ACCOUNT})})
    assert decide(snapshot, PC, NOW).reason is reason


def test_a_lock_at_pcs_alone_leaves_mail_open_and_the_other_way_round():
    at_pcs, of_mail = person(locks=(Lock(Service.PC, NOW, None),)), person(locks=(Lock(Service.MAIL, NOW, None),))
    assert isinstance(decide(at_pcs, MAIL, NOW), Allow)
    assert decide(at_pcs, PC, NOW).rule.text == "pc is locked for good"
    assert isinstance(decide(of_mail, PC, NOW), Allow)


# -- rules (K19) ------------------------------------------------------------------------------------------------------


def test_the_first_rule_that_is_about_it_decides():
    pupils = rule("access.yaml:4 rules[1]", allow=False, who=Who(roles=frozenset({Role.PUPIL})))
    teachers = rule("access.yaml:2 rules[0]", allow=False, who=Who(roles=frozenset({Role.TEACHER})))
    decision, steps = explain(school(teachers, pupils, rule()), MAIL, NOW)
    assert decision.rule == pupils.rule
    assert steps == (
        "account fred.mustermann is known: pupil, groups klasse3a",
        "no lock holds for mail",
        "no consent is missing for mail",
        "access.yaml:2 rules[0] is about other people",
        f"access.yaml:4 rules[1] decides: {pupils.text}",
    )


def test_a_rule_holds_at_its_times():
    snapshot = school(rule(schedule=LESSONS))
    opened = decide(snapshot, MAIL, NOW)
    closed, steps = explain(snapshot, MAIL, berlin("2026-11-23 13:00"))
    assert isinstance(opened, Allow)
    assert opened.valid_until == berlin("2026-11-23 13:00")
    assert isinstance(closed, Deny)
    assert closed.valid_until == berlin("2026-11-24 08:00")
    assert steps[-2:] == ("access.yaml:1 rules[0] is about another time", "no rule opens mail")


def test_a_rule_that_comes_later_than_the_deciding_one_does_not_shorten_the_answer():
    assert decide(school(rule(), rule(schedule=LESSONS)), MAIL, NOW).valid_until is None


def test_the_earliest_of_all_changes_counts():
    early = Schedule(frozenset(range(7)), (Window(time(9, 45), time(9, 50)),), BERLIN)
    decision = decide(school(rule(allow=False, schedule=early), rule(schedule=LESSONS)), MAIL, NOW)
    assert isinstance(decision, Allow)
    assert decision.valid_until == berlin("2026-11-23 09:45")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://example.org/", Allow),
        ("www.example.org:443", Allow),
        ("https://notexample.org/", Deny),
        ("https://example.org.evil.example/", Deny),
    ],
)
def test_a_rule_about_domains(target, expected):
    snapshot = school(rule(targets=("example.org",)))
    assert isinstance(decide(snapshot, replace(WEB, target=target), NOW), expected)


def test_a_target_that_cannot_be_read_is_refused_even_if_all_is_open():
    decision, steps = explain(school(), replace(WEB, target="https://exa mple.org"), NOW)
    assert decision == Deny(Reason.MALFORMED, Rule("state request", "the target has no readable host"))
    assert steps[-1] == "the target has no readable host"


# -- rooms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "room"),
    [
        ("10.1.12.3", "12"),
        ("10.1.12.70", "12a"),  # the smaller network
        ("::ffff:10.1.12.3", "12"),
        ("fd00:12::7", "12"),
        ("10.1.13.3", None),
        ("2001:db8::1", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_room_of_an_address(address, room):
    assert room_of(school(), address) == room


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"room": "12"}, Allow),
        ({"address": "10.1.12.3"}, Allow),
        ({"address": "10.1.12.3", "room": "12a"}, Deny),  # who knows the room better is believed
        ({"address": "10.9.9.9"}, Deny),
        ({}, Deny),
    ],
)
def test_a_rule_about_a_room(place, expected):
    assert isinstance(decide(school(rule(rooms=frozenset({"12"}))), replace(WEB, **place), NOW), expected)


def test_the_room_found_is_explained():
    snapshot = school(rule(rooms=frozenset({"12"})))
    assert "the address is in room 12" in explain(snapshot, replace(WEB, address="10.1.12.3"), NOW)[1]


# -- limits (K12) -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "size", "expected"),
    [
        (Action.WRITE, 5 * MB, Allow),
        (Action.WRITE, 5 * MB + 1, Deny),
        (Action.READ, 7 * MB, Allow),
        (Action.READ, 7 * MB + 1, Deny),
        (Action.READ, None, Allow),
        (Action.SIGN_IN, 99 * MB, Allow),
    ],
)
def test_what_is_announced_too_large_is_refused(action, size, expected):
    table = LimitTable(roles={Role.PUPIL: Limits(5 * MB, 7 * MB)})
    decision = decide(school(limits=table), Request(FRED, Service.FILES, action, size=size), NOW)
    assert isinstance(decision, expected)
    if isinstance(decision, Deny):
        assert decision.reason is Reason.TOO_LARGE
        assert decision.rule.source == "access.yaml limits.roles.pupil"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"address": "10.1.12.70"}, Allow),  # in both rooms
        ({"address": "10.1.12.3"}, Deny),
        ({"room": "12a"}, Allow),
        ({"room": "12", "address": "10.1.12.70"}, Deny),
        ({"address": "nonsense"}, Deny),
        ({}, Deny),
    ],
)
def test_a_room_may_raise_the_limit(place, expected):
    table = LimitTable(rules=(LimitRule("room", 90 * MB, 90 * MB, room="12a"),))
    request = Request(FRED, Service.FILES, Action.WRITE, size=80 * MB, **place)
    assert isinstance(decide(school(limits=table), request, NOW), expected)


def test_an_answer_about_limits_stands_until_the_exemption_ends():
    end = NOW + timedelta(days=3)
    table = LimitTable(rules=(LimitRule("state exemption", 90 * MB, 30 * MB, group="klasse3a", until=end),))
    request = Request(FRED, Service.FILES, Action.WRITE, size=80 * MB)
    before, after = (decide(school(limits=table), request, now) for now in (NOW, end))
    assert isinstance(before, Allow)
    assert before.valid_until == end
    assert isinstance(after, Deny)
    steps = explain(school(limits=table), request, NOW)[1]
    assert steps[-2:] == ("state exemption: up to 90000000 bytes up", "state exemption: up to 30000000 bytes down")


def test_a_mail_may_be_as_large_as_its_file_becomes_in_it():
    table = LimitTable(default=Limits(57_000, 1), message_overhead=1_000)
    sending = Request(FRED, Service.MAIL, Action.SEND, size=78_000 + 1_000)
    assert isinstance(decide(school(limits=table), sending, NOW), Allow)
    decision, steps = explain(school(limits=table), replace(sending, size=79_001), NOW)
    assert isinstance(decision, Deny)
    assert steps[-1] == "79001 bytes are too many"
