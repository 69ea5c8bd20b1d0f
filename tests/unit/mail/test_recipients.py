"""Whose mailbox an address is."""

from dataclasses import replace

import pytest

from appliance.mail.recipients import Refused, resolve, takes_mail
from appliance.policy.account import Lock, Role, Service
from appliance.policy.decision import Reason
from appliance.policy.rules import AccessRule, Who


def reason(found: object) -> Reason:
    assert isinstance(found, Refused)
    return found.reason


@pytest.fixture
def snapshot(make_snapshot, new_account):
    return make_snapshot(
        new_account("fred"),
        new_account("gone", disabled=True),
        new_account("new", must_change=True),
        new_account("none", consents=frozenset()),
        new_account("probe", Role.STAFF, hidden=True, consents=frozenset()),
        new_account("ada", Role.ADMIN),
        new_account("bea", Role.ADMIN),
        new_account("cleo", Role.ADMIN, disabled=True),
    )


def test_an_account_is_found_in_any_case(snapshot) -> None:
    assert resolve(snapshot, "ada", "FRED@Schule.Example") == ("fred",)


@pytest.mark.parametrize(
    "address", ["fred@elsewhere.example", "fred", "fred@sub.schule.example", "", "fred@", "@", "a b@x"]
)
def test_everything_else_is_outside(snapshot, address: str) -> None:
    assert reason(resolve(snapshot, "ada", address)) is Reason.OUTSIDE_RECIPIENT


def test_unknown_and_closed(snapshot) -> None:
    assert reason(resolve(snapshot, "ada", "nobody@schule.example")) is Reason.UNKNOWN_RECIPIENT
    assert reason(resolve(snapshot, "ada", "gone@schule.example")) is Reason.NOT_OPEN
    assert reason(resolve(snapshot, "ada", "none@schule.example")) is Reason.NOT_OPEN


def test_mail_waits_for_who_cannot_sign_in_now(snapshot, now) -> None:
    assert resolve(snapshot, "ada", "new@schule.example") == ("new",)
    locked = replace(snapshot.accounts["fred"], locks=(Lock(None, now, None),))
    assert takes_mail(snapshot, locked)


def test_a_hidden_account_is_known_to_itself_only(snapshot) -> None:
    assert resolve(snapshot, "probe", "probe@schule.example") == ("probe",)
    assert reason(resolve(snapshot, "fred", "probe@schule.example")) is Reason.UNKNOWN_RECIPIENT


@pytest.mark.parametrize(("allow", "takes"), [(True, True), (False, False)])
def test_the_hidden_account_takes_mail_while_mail_is_open_to_somebody(snapshot, allow: bool, takes: bool) -> None:
    """Else the probe fails, and status with it, in a school that opens mail to teachers only."""
    who = Who(roles=frozenset({Role.TEACHER}))
    rules = tuple(replace(rule, who=who, allow=allow) for rule in snapshot.rules)
    assert takes_mail(replace(snapshot, rules=rules), snapshot.accounts["probe"]) is takes


@pytest.mark.parametrize("address", ["postmaster@schule.example", "Postmaster", "POSTMASTER@schule.example"])
def test_postmaster_is_the_admins(snapshot, address: str) -> None:
    assert resolve(snapshot, "fred", address) == ("ada", "bea")


def test_postmaster_of_a_school_without_admins(make_snapshot, new_account) -> None:
    assert reason(resolve(make_snapshot(new_account("fred")), "fred", "postmaster")) is Reason.UNKNOWN_RECIPIENT


def test_mail_that_is_never_open_takes_none(make_snapshot, new_account) -> None:
    mail = frozenset({Service.MAIL})
    pupils = Who(roles=frozenset({Role.PUPIL}))
    closed = AccessRule("a", services=mail, who=pupils, allow=False)
    in_room = AccessRule("b", services=mail, who=pupils, allow=False, rooms=frozenset({"12"}))
    opened = AccessRule("c", services=mail, who=Who(everyone=True), allow=True)
    web = AccessRule("d", services=frozenset({Service.WEB}), who=pupils, allow=True)
    fred = new_account("fred")
    assert not takes_mail(make_snapshot(fred, rules=(closed, opened)), fred)
    assert takes_mail(make_snapshot(fred, rules=(in_room, opened)), fred)
    assert not takes_mail(make_snapshot(fred, rules=(web,)), fred)
