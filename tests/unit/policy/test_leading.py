"""Who may lead which lesson."""

from datetime import timedelta

import pytest

from appliance.policy.account import Group, GroupKind, Lock, Role, Service
from appliance.policy.leading import hindrance

from .strategies import ANNA, NOW, account, school

GROUPS = {
    name: Group(name, kind, 30000 + number)
    for number, (name, kind) in enumerate(
        {
            "klasse3a": GroupKind.CLASS,
            "klasse4b": GroupKind.CLASS,
            "kurs-bio": GroupKind.COURSE,
            "chor": GroupKind.CLUB,
            "kollegium": GroupKind.STAFF,
        }.items()
    )
}
SCHOOL = school(groups=GROUPS)
MINE = ("chor", "klasse3a", "kollegium", "kurs-bio")
HOUR = timedelta(hours=1)


def hinders(group=None, room=None, rooms=None, now=NOW, **fields):
    leader = account(ANNA, **{"role": Role.TEACHER, "groups": MINE, **fields})
    return hindrance(SCHOOL, leader, group, room, rooms or {}, now)


@pytest.mark.parametrize("group", ["klasse3a", "kurs-bio"])
def test_a_teacher_may_for_his_classes_and_courses(group):
    assert hinders(group) is None


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("klasse4b", "no member of klasse4b"),
        ("chor", "neither a class nor a course"),
        ("kollegium", "neither a class nor a course"),
        ("klasse9z", "neither a class nor a course"),
    ],
)
def test_he_may_not_for_others(group, words):
    assert words in hinders(group)
    assert words in hinders(group, "12")


def test_he_may_in_each_room_that_is_not_left_to_others():
    rooms = {"12": ("maria.lehrer",), "13": ("maria.lehrer", ANNA)}
    assert hinders(room="12") is None
    assert "names others for room 12" in hinders(room="12", rooms=rooms)
    assert "names others for room 12" in hinders("klasse3a", "12", rooms)
    assert hinders(room="13", rooms=rooms) is None
    assert hinders(room="aula", rooms=rooms) is None


def test_an_administrator_may_all():
    assert hinders("klasse4b", "12", {"12": ()}, role=Role.ADMIN) is None


@pytest.mark.parametrize("role", [one for one in Role if one not in {Role.TEACHER, Role.ADMIN}])
def test_nobody_else_may_anything(role):
    assert f"account of role {role}" in hinders("klasse3a", role=role)
    assert hinders(room="12", role=role)


@pytest.mark.parametrize("role", [Role.TEACHER, Role.ADMIN])
@pytest.mark.parametrize(
    ("fields", "closed"),
    [
        ({"disabled": True}, True),
        ({"hidden": True}, True),
        ({"locks": (Lock(None, NOW, None),)}, True),
        ({"locks": (Lock(None, NOW - HOUR, NOW + HOUR),)}, True),
        ({"locks": (Lock(None, NOW - HOUR, NOW),)}, False),
        ({"locks": (Lock(None, NOW + HOUR, None),)}, False),
        ({"locks": (Lock(Service.WEB, NOW, None),)}, False),
    ],
)
def test_an_account_that_is_closed_leads_nothing(role, fields, closed):
    assert (hinders("klasse3a", role=role, **fields) == "the account is closed") is closed
