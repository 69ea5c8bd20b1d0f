"""Whose mailboxes an address means, for who writes to it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.policy.access import Who
from appliance.policy.account import Consent, Group, GroupKind, Lock, Role, Service
from appliance.policy.decision import Reason
from appliance.policy.mailboxes import may_leave, takes_mail, writes_as
from appliance.policy.mailing import MailRules
from appliance.policy.reach import Refused, from_device, from_outside, from_person
from appliance.policy.rules import AccessRule

from .strategies import LESSONS, NOW, account, rule, school

MAIL = frozenset({Service.MAIL})
OUTSIDE = "anna@town.example"


def person(login: str, role: Role = Role.PUPIL, **fields):
    return account(login, role=role, groups=fields.pop("groups", ()), **fields)


SCHOOL = school(
    accounts=(
        person("fred", groups=("chor", "klasse3a")),
        person("gina", groups=("klasse3a",)),
        person("gone", disabled=True, groups=("klasse3a",)),
        person("new", must_change=True),
        person("none", consents=frozenset()),
        person("probe", Role.STAFF, hidden=True, consents=frozenset(), groups=("klasse3a",)),
        person("tina", Role.TEACHER, groups=("kollegium",)),
        person("theo", Role.TEACHER, disabled=True),
        person("olga", Role.OFFICE),
        person("ada", Role.ADMIN),
        person("bea", Role.ADMIN),
        person("cleo", Role.ADMIN, disabled=True),
    ),
    groups={
        "klasse3a": Group("klasse3a", GroupKind.CLASS, 1),
        "chor": Group("chor", GroupKind.CLUB, 2),
        "leer": Group("leer", GroupKind.CLUB, 3),
        "kollegium": Group("kollegium", GroupKind.STAFF, 4),
    },
    consents_required={Service.MAIL: frozenset({Consent.ACCOUNT})},
    mail=MailRules(
        addresses={"sekretariat": Who(roles=frozenset({Role.OFFICE})), "niemand": Who(logins=frozenset({"gone"}))},
        sends_outside=frozenset({Role.TEACHER}),
        receives_outside=frozenset({Role.TEACHER, Role.OFFICE}),
    ),
)


def inside(local: str) -> str:
    return f"{local}@Schule.Example"


def outcome(found: object) -> object:
    """What came of it: logins, the address outside, or the reason."""
    return found.reason if isinstance(found, Refused) else found.outside or found.logins


@pytest.mark.parametrize(
    ("sender", "address", "expected"),
    [
        ("tina", inside("FRED"), ("fred",)),
        ("fred", inside("tina"), ("tina",)),
        ("fred", inside("fred"), ("fred",)),
        ("fred", inside("nobody"), Reason.UNKNOWN_RECIPIENT),
        ("fred", inside("gone"), Reason.NOT_OPEN),
        ("fred", inside("none"), Reason.NOT_OPEN),
        ("fred", inside("new"), ("new",)),
        ("fred", inside("probe"), Reason.UNKNOWN_RECIPIENT),
        ("probe", inside("probe"), ("probe",)),
        ("fred", inside("postmaster"), ("ada", "bea")),
        ("fred", "Postmaster", ("ada", "bea")),
        ("fred", inside("sekretariat"), ("olga",)),
        ("fred", inside("niemand"), Reason.NOT_OPEN),
        ("fred", inside("chor"), ("fred",)),
        ("fred", inside("klasse3a"), Reason.CLOSED_GROUP),
        ("gina", inside("chor"), Reason.CLOSED_GROUP),
        ("tina", inside("klasse3a"), ("fred", "gina")),
        ("tina", inside("leer"), Reason.NOT_OPEN),
        ("fred", inside("\u00fc"), Reason.UNKNOWN_RECIPIENT),
        ("fred", '"fred"@schule.example', Reason.UNKNOWN_RECIPIENT),
        ("fred", OUTSIDE, Reason.OUTSIDE_RECIPIENT),
        ("olga", OUTSIDE, Reason.OUTSIDE_RECIPIENT),
        ("tina", OUTSIDE, OUTSIDE),
        ("tina", "anna@localhost", Reason.NO_ADDRESS),
        ("tina", "anna@[1.2.3.4]", Reason.NO_ADDRESS),
        ("tina", "fred", Reason.NO_ADDRESS),
        ("tina", "", Reason.NO_ADDRESS),
        ("fred", "fred", Reason.OUTSIDE_RECIPIENT),
        ("tina", "fred@sub.schule.example", "fred@sub.schule.example"),
        ("stranger", inside("fred"), Reason.UNKNOWN_ACCOUNT),
    ],
)
def test_a_person(sender: str, address: str, expected: object) -> None:
    assert outcome(from_person(SCHOOL, sender, address)) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (inside("fred"), ("fred",)),
        (inside("klasse3a"), ("fred", "gina")),
        (inside("sekretariat"), ("olga",)),
        (inside("postmaster"), ("ada", "bea")),
        (inside("probe"), Reason.UNKNOWN_RECIPIENT),
        (inside("nobody"), Reason.UNKNOWN_RECIPIENT),
        (OUTSIDE, Reason.OUTSIDE_RECIPIENT),
    ],
)
def test_a_device(address: str, expected: object) -> None:
    assert outcome(from_device(SCHOOL, address)) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (inside("tina"), ("tina",)),
        (inside("fred"), Reason.UNKNOWN_RECIPIENT),
        (inside("ada"), Reason.UNKNOWN_RECIPIENT),
        (inside("postmaster"), ("ada", "bea")),
        ("postmaster", ("ada", "bea")),
        (inside("sekretariat"), ("olga",)),
        (inside("klasse3a"), Reason.UNKNOWN_RECIPIENT),
        (inside("theo"), Reason.UNKNOWN_RECIPIENT),
        (inside("niemand"), Reason.UNKNOWN_RECIPIENT),
        (inside("nobody"), Reason.UNKNOWN_RECIPIENT),
        (OUTSIDE, Reason.OUTSIDE_RECIPIENT),
    ],
)
def test_somebody_outside(address: str, expected: object) -> None:
    assert outcome(from_outside(SCHOOL, address)) == expected


def test_many_are_told_apart_from_one() -> None:
    one, group, role = (from_person(SCHOOL, "tina", inside(local)) for local in ("fred", "klasse3a", "postmaster"))
    assert [(found.group, found.role) for found in (one, group, role)] == [(False, False), (True, False), (True, True)]


def test_each_answer_names_its_rule() -> None:
    sources = {
        from_person(SCHOOL, *asked).rule.source
        for asked in (("fred", inside("tina")), ("fred", inside("klasse3a")), ("tina", OUTSIDE), ("fred", OUTSIDE))
    }
    assert sources == {"built-in", "mail.yaml rules.own_group.pupil", "mail.yaml outside.send"}
    assert from_person(SCHOOL, "fred", OUTSIDE).rule.text == "pupil may not write to the outside"
    assert from_person(SCHOOL, "tina", OUTSIDE).rule.text == "teacher may write to the outside"
    assert from_outside(SCHOOL, inside("fred")).rule.text == "pupil gets no mail from outside"


def test_postmaster_may_be_somebody_else_but_never_nobody() -> None:
    other = replace(SCHOOL, mail=MailRules(addresses={"postmaster": Who(roles=frozenset({Role.OFFICE}))}))
    assert from_outside(other, "postmaster").logins == from_outside(other, inside("postmaster")).logins == ("olga",)
    gone = replace(SCHOOL, mail=MailRules(addresses={"postmaster": Who(logins=frozenset({"gone"}))}))
    assert from_outside(gone, "postmaster").logins == ("ada", "bea")
    assert outcome(from_person(school(accounts=(person("fred"),)), "fred", "postmaster")) is Reason.NOT_OPEN


def test_mail_that_waits_leaves_only_while_its_sender_may() -> None:
    def leaves(**fields) -> bool:
        accounts = {**SCHOOL.accounts, "tina": replace(SCHOOL.accounts["tina"], **fields)}
        return may_leave(replace(SCHOOL, accounts=accounts), "tina", NOW)

    assert leaves()
    assert leaves(must_change=True)
    assert leaves(locks=(Lock(Service.FILES, NOW, None), Lock(None, NOW - timedelta(2), NOW - timedelta(1))))
    assert not leaves(locks=(Lock(None, NOW, None),))
    assert not leaves(locks=(Lock(Service.MAIL, NOW, None),))
    assert not leaves(role=Role.OFFICE)
    assert not leaves(disabled=True)
    assert not leaves(consents=frozenset())
    assert not may_leave(SCHOOL, "stranger", NOW)
    asleep = replace(SCHOOL, rules=(rule(schedule=LESSONS),))
    assert may_leave(asleep, "tina", NOW + timedelta(hours=12))


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("fred", {"fred": "Fred M."}),
        ("tina", {"tina": "", "kollegium": "Das Kollegium"}),
        ("probe", {"probe": "", "klasse3a": "", "postmaster": "Postmaster"}),
    ],
)
def test_as_whom_somebody_writes(login: str, expected: dict[str, str]) -> None:
    named = replace(SCHOOL.accounts["fred"], display_name="Fred M.")
    staff = Group("kollegium", GroupKind.STAFF, 4, "Das Kollegium")
    groups = {**SCHOOL.groups, "kollegium": staff}
    accounts = {**SCHOOL.accounts, "fred": named, "tina": replace(SCHOOL.accounts["tina"], groups=("kollegium", "old"))}
    found = writes_as(replace(SCHOOL, groups=groups, accounts=accounts), accounts[login])
    assert found == {f"{local}@schule.example": shown for local, shown in expected.items()}


def test_mail_waits_for_who_is_locked() -> None:
    assert takes_mail(SCHOOL, replace(SCHOOL.accounts["fred"], locks=(Lock(None, NOW, None),)))


@pytest.mark.parametrize(("allow", "takes"), [(True, True), (False, False)])
def test_the_hidden_account_takes_mail_while_mail_is_open_to_somebody(allow: bool, takes: bool) -> None:
    """Else the probe fails, and status with it, in a school that opens mail to teachers only."""
    teachers = rule(who=Who(roles=frozenset({Role.TEACHER})), allow=allow)
    assert takes_mail(replace(SCHOOL, rules=(teachers,)), SCHOOL.accounts["probe"]) is takes


def test_mail_that_is_never_open_takes_none() -> None:
    pupils = Who(roles=frozenset({Role.PUPIL}))
    closed = AccessRule("a", services=MAIL, who=pupils, allow=False)
    in_room = AccessRule("b", services=MAIL, who=pupils, allow=False, rooms=frozenset({"12"}))
    opened = AccessRule("c", services=MAIL, who=Who(everyone=True), allow=True)
    web = AccessRule("d", services=frozenset({Service.WEB}), who=pupils, allow=True)
    fred = SCHOOL.accounts["fred"]
    for rules, takes in (((closed, opened), False), ((in_room, opened), True), ((web,), False)):
        assert takes_mail(replace(SCHOOL, rules=rules), fred) is takes
