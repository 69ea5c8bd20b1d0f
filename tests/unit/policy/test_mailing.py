"""Who may write what to whom by mail, and to how many."""

import pytest

from appliance.policy.account import Group, GroupKind, Role
from appliance.policy.mailing import MailRules, RoleRules

from .strategies import account

CLASS = Group("klasse3a", GroupKind.CLASS, 30001, "Klasse 3a")
CHOIR = Group("chor", GroupKind.CLUB, 30002, "Schulchor")
STAFF = Group("kollegium", GroupKind.STAFF, 30003)
USUAL = MailRules()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PUPIL])
@pytest.mark.parametrize("group", [CLASS, CHOIR, STAFF])
def test_teachers_and_staff_write_to_any_group(role: Role, group: Group) -> None:
    may, rule = USUAL.to_group(account(role=role, groups=()), group)
    assert may
    assert rule.source == f"mail.yaml rules.any_group.{role}"
    assert rule.text == f"{role} may write to any {group.kind}"


def test_pupils_write_to_their_own_clubs() -> None:
    fred = account(groups=("chor", "klasse3a"))
    may, rule = USUAL.to_group(fred, CHOIR)
    assert may and (rule.source, rule.text) == ("mail.yaml rules.own_group.pupil", "pupil may write to each own club")
    may, rule = USUAL.to_group(fred, CLASS)
    assert not may and (rule.source, rule.text) == (
        "mail.yaml rules.own_group.pupil",
        "pupil may write to each own club",
    )
    assert not USUAL.to_group(account(groups=()), CHOIR)[0]


def test_a_role_may_have_no_group_at_all() -> None:
    none = MailRules({role: RoleRules(frozenset(), frozenset()) for role in Role})
    may, rule = none.to_group(account(groups=("chor",)), CHOIR)
    assert not may and rule.text == "pupil may write to no group"


def test_who_speaks_for_a_group() -> None:
    assert USUAL.as_group(account(role=Role.TEACHER, groups=("klasse3a",)), CLASS)
    assert not USUAL.as_group(account(role=Role.TEACHER, groups=("klasse3a",)), CHOIR)
    assert not USUAL.as_group(account(groups=("klasse3a",)), CLASS)


def test_recipients_of_a_message() -> None:
    pupils, teachers = USUAL.bounds(account()), USUAL.bounds(account(role=Role.TEACHER))
    assert pupils is not None and teachers is not None
    assert pupils.too_wide(40) is None
    rule = pupils.too_wide(41)
    assert rule is not None
    assert (rule.source, rule.text) == (
        "mail.yaml rules.recipients_per_message.pupil",
        "up to 40 recipients of a message",
    )
    assert teachers.too_wide(1000) is None
    assert teachers.too_wide(1001) is not None


def test_recipients_of_an_hour() -> None:
    pupils, office = USUAL.bounds(account()), USUAL.bounds(account(role=Role.OFFICE))
    assert pupils is not None and office is not None
    assert pupils.hour_full(60, 40) is None
    rule = pupils.hour_full(61, 40)
    assert rule is not None
    assert (rule.source, rule.text) == ("mail.yaml rules.recipients_per_hour.pupil", "up to 100 recipients in an hour")
    assert office.per_hour == 3000


def test_bytes_of_an_hour() -> None:
    pupils, office = USUAL.bounds(account()), USUAL.bounds(account(role=Role.OFFICE))
    assert pupils is not None and office is not None
    assert pupils.hour_spent(300_000_000, 200_000_000) is None
    rule = pupils.hour_spent(300_000_001, 200_000_000)
    assert rule is not None and rule.source == "mail.yaml rules.bytes_per_hour.pupil"
    assert rule.text == "up to 500000000 bytes in an hour, a message counted for each of its recipients"
    assert office.hour_spent(0, 10 * 10**9) is None
    assert office.hour_spent(1, 10 * 10**9) is not None


def test_the_servers_own_probe_is_not_counted() -> None:
    """It writes to itself every few seconds."""
    assert USUAL.bounds(account(hidden=True)) is None
