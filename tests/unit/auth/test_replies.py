"""Answers survive the way over the socket, and nothing else is read as one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from appliance.auth.credentials import canonical, possible, prepared
from appliance.auth.replies import Answer, Change, ChangeVerdict, Verdict
from appliance.daemon.secret import Secret
from appliance.policy.account import Role
from appliance.policy.decision import Reason


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(Answer.REFUSED, 'odd"login'),
        Verdict(Answer.TRY_LATER, "fred", retry_after=2.5),
        Verdict(Answer.DENIED, "fred", 20001, Role.PUPIL, Reason.LOCKED, "7KQF-2MXA"),
        Verdict(Answer.VERIFIED, "fred", 20001, Role.PUPIL, valid_until=datetime(2026, 11, 23, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_verdict_comes_back(verdict: Verdict) -> None:
    assert Verdict.read(json.loads(json.dumps(verdict.fields()))) == verdict


def test_the_answer_to_a_change_comes_back() -> None:
    verdict = ChangeVerdict(Change.WEAK, ("too short",))
    assert ChangeVerdict.read(json.loads(json.dumps(verdict.fields()))) == verdict


@pytest.mark.parametrize(
    "fields", [{}, {"answer": "yes"}, {**Verdict(Answer.REFUSED, "a").fields(), "answer": "VERIFIED"}]
)
def test_anything_else_is_an_error(fields: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Verdict.read(fields)


@pytest.mark.parametrize(
    ("typed", "login"),
    [
        ("fred.mustermann", "fred.mustermann"),
        ("Fred.Mustermann", "fred.mustermann"),
        ("FRED.MUSTERMANN@Schule.EXAMPLE", "fred.mustermann"),
        ("fred.mustermann@elsewhere.example", "fred.mustermann@elsewhere.example"),
        ("fred@x@schule.example", "fred@x"),
        ("@schule.example", ""),
        ("", ""),
    ],
)
def test_logins_are_brought_to_one_form(typed: str, login: str) -> None:
    assert canonical(typed, "schule.example") == login


def test_a_password_is_composed_before_it_is_compared() -> None:
    composed, decomposed = Secret("Gr\u00fcn-7-Zebu"), Secret("Gru\u0308n-7-Zebu")
    assert prepared(decomposed) == prepared(composed)


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "a" * 513, "ä" * 257, "\ud800"])
def test_what_can_be_no_password(text: str) -> None:
    assert not possible(text)
    assert prepared(Secret(text)) is None


@pytest.mark.parametrize("text", [" ", "a" * 512, "ä" * 256, "\u2028"])
def test_what_can_be_one(text: str) -> None:
    assert possible(text)
