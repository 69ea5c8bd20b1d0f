"""Whose limits are which, and what they mean in a mail."""

import base64
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.account import Role, Service
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable, encoded_size, largest_size, limits_for
from appliance.policy.request import Action

from .strategies import account, checked

MB = 1_000_000
TABLE = LimitTable(roles={Role.TEACHER: Limits(50 * MB, 10 * MB)})


def test_the_default_is_20_mb_both_ways():
    assert LimitTable().default == Limits(20 * MB, 20 * MB)


def test_a_role_has_its_own_limits_and_names_the_setting():
    grant = limits_for(TABLE, account(role=Role.TEACHER))
    assert grant.limits == Limits(50 * MB, 10 * MB)
    assert grant.rule.source == "access.yaml limits.roles.teacher"


def test_the_other_roles_have_the_default():
    grant = limits_for(TABLE, account())
    assert grant.limits == Limits(20 * MB, 20 * MB)
    assert grant.rule.source == "access.yaml limits.default"
    assert grant.valid_until is None


def test_the_largest_is_of_each_direction():
    assert TABLE.largest() == Limits(50 * MB, 20 * MB)


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
