"""Whose limits are which, and what they mean in a mail."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.account import Role, Service
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitRule, LimitTable, encoded_size, largest_size, limits_for
from appliance.policy.request import Action

from .strategies import ANNA, FRED, NOW, account, checked

MB = 1_000_000
LATER = NOW + timedelta(days=25)
TABLE = LimitTable(roles={Role.TEACHER: Limits(50 * MB, 10 * MB)})


def test_the_default_is_20_mb_both_ways():
    assert LimitTable().default == Limits(20 * MB, 20 * MB)


def grant_of(table, service=Service.WEB, rooms=(), now=NOW, **fields):
    return limits_for(table, account(**fields), service, rooms, now)


def test_a_role_has_its_own_limits_and_names_the_setting():
    grant = grant_of(TABLE, role=Role.TEACHER)
    assert grant.limits == Limits(50 * MB, 10 * MB)
    assert grant.upload.source == grant.download.source == "access.yaml limits.roles.teacher"


def test_the_other_roles_have_the_default():
    grant = grant_of(TABLE)
    assert grant.limits == Limits(20 * MB, 20 * MB)
    assert grant.upload.source == "access.yaml limits.default"
    assert grant.valid_until is None


def test_the_largest_is_of_each_direction():
    assert TABLE.largest() == Limits(50 * MB, 20 * MB)
    exemption = LimitRule("state exemption", 500 * MB, None, login=FRED, until=LATER)
    assert replace(TABLE, rules=(exemption,)).largest() == Limits(500 * MB, 20 * MB)


# From the most special to the default: without the first n, the next one counts.
LINES = [
    LimitRule("user", 60 * MB, 61 * MB, login=FRED),
    LimitRule("group", 5 * MB, 6 * MB, group="klasse3a"),
    LimitRule("service and role", 70 * MB, 71 * MB, service=Service.WEB, role=Role.PUPIL),
    LimitRule("service", 40 * MB, 41 * MB, service=Service.WEB),
]
STRANGERS = (
    LimitRule("another user", 900 * MB, 900 * MB, login=ANNA),
    LimitRule("another group", 900 * MB, 900 * MB, group="chor"),
    LimitRule("another service", 900 * MB, 900 * MB, service=Service.MAIL),
    LimitRule("another role", 900 * MB, 900 * MB, service=Service.WEB, role=Role.TEACHER),
    LimitRule("another room", 900 * MB, 900 * MB, room="aula"),
    LimitRule("what ended", 900 * MB, 900 * MB, login=FRED, until=NOW),
)


@pytest.mark.parametrize("gone", range(len(LINES)))
def test_the_most_special_line_counts(gone):
    first = LINES[gone]
    table = LimitTable(roles={Role.PUPIL: Limits(1, 1)}, rules=(*reversed(LINES[gone:]), *STRANGERS))
    grant = grant_of(table, rooms=("12",))
    assert grant.limits == Limits(first.upload, first.download)
    assert (grant.upload.source, grant.download.source) == (first.source, first.source)


def test_without_a_line_the_role_counts():
    table = LimitTable(roles={Role.PUPIL: Limits(1, 2)}, rules=STRANGERS)
    assert grant_of(table).limits == Limits(1, 2)


def test_what_a_line_does_not_say_the_next_one_does():
    rules = (LimitRule("user", None, 7, login=FRED), LimitRule("group", 8, None, group="klasse3a"))
    grant = grant_of(LimitTable(rules=rules))
    assert grant.limits == Limits(8, 7)
    assert (grant.rule(Action.WRITE).source, grant.rule(Action.FETCH).source) == ("group", "user")
    assert grant.rule(Action.WRITE).text == "up to 8 bytes up"


def test_of_several_groups_the_largest_counts():
    rules = tuple(LimitRule(name, size, size, group=name) for name, size in (("chor", 3), ("klasse3a", 9), ("ag", 5)))
    assert grant_of(LimitTable(rules=rules), groups=("ag", "chor", "klasse3a")).limits == Limits(9, 9)


@pytest.mark.parametrize(("room", "expected"), [(50 * MB, 50 * MB), (10 * MB, 30 * MB)])
def test_a_room_only_raises(room, expected):
    rules = (LimitRule("room", room, room, room="12"), LimitRule("user", 30 * MB, 30 * MB, login=FRED))
    assert grant_of(LimitTable(rules=rules), rooms=("12", "aula")).limits == Limits(expected, expected)
    assert grant_of(LimitTable(rules=rules)).limits == Limits(30 * MB, 30 * MB)


@pytest.mark.parametrize("whom", [{"login": FRED}, {"group": "klasse3a"}])
def test_an_exemption_raises_until_it_ends(whom):
    exemption = LimitRule("state exemption", 500 * MB, 500 * MB, **whom, until=LATER)
    table = LimitTable(rules=(exemption, LimitRule("user", 60 * MB, 60 * MB, login=FRED)))
    grant = grant_of(table)
    assert grant.limits == Limits(500 * MB, 500 * MB)
    assert grant.valid_until == LATER
    assert grant.upload.source == "state exemption"
    after = grant_of(table, now=LATER)
    assert after.limits == Limits(60 * MB, 60 * MB)
    assert after.valid_until is None


def test_an_exemption_never_lowers():
    table = LimitTable(rules=(LimitRule("state exemption", 1 * MB, 50 * MB, login=FRED, until=LATER),))
    assert grant_of(table).limits == Limits(20 * MB, 50 * MB)


def test_it_stands_until_the_first_exemption_ends():
    sooner = LATER - timedelta(days=1)
    rules = tuple(LimitRule("state exemption", 30 * MB, 30 * MB, login=FRED, until=end) for end in (LATER, sooner))
    assert grant_of(LimitTable(rules=rules)).valid_until == sooner


def test_an_end_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        LimitRule("state exemption", 1, 1, until=datetime(2026, 12, 18))


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1, 6), (3, 6), (57, 78), (58, 84), (20 * MB, 27_368_424)])
def test_a_file_grows_in_a_mail(size, expected):
    assert encoded_size(size) == expected


@checked
@given(st.integers(0, 5_000))
def test_a_file_grows_as_much_as_python_makes_it(size):
    encoded = base64.encodebytes(b"x" * size).replace(b"\n", b"\r\n")
    assert encoded_size(size) == len(encoded)


def test_a_mail_with_the_largest_file_fits():
    table = LimitTable(default=Limits(200_000, 1))
    mail = EmailMessage()
    mail["Subject"] = "Hausaufgabe"
    mail.set_content("Im Anhang.")
    mail.add_attachment(b"x" * 200_000, maintype="application", subtype="pdf", filename="aufgabe.pdf")
    size = len(mail.as_bytes().replace(b"\n", b"\r\n"))
    assert size <= largest_size(table, table.default, Service.MAIL, Action.SEND)


@pytest.mark.parametrize(
    ("action", "expected"), [(Action.WRITE, 5), (Action.SEND, 5), (Action.READ, 7), (Action.FETCH, 7)]
)
def test_files_have_the_limit_of_their_direction(action, expected):
    assert largest_size(LimitTable(), Limits(5, 7), Service.FILES, action) == expected
