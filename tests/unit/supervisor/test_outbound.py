"""The row of status about mail to the outside."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.policy.account import Role
from appliance.settings.load import load
from appliance.settings.mail_outside import OutsideMail
from appliance.supervisor.outbound import Outbound

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Asked:
    """Answers ``standing`` with what it is given."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self.answer = answer

    def call(self, _verb: str, /, **_arguments: Any) -> dict[str, Any]:
        if self.answer is None:
            raise Unreachable("nobody")
        return self.answer


@pytest.fixture
def settings(tmp_path) -> OutsideMail:
    return replace(load(tmp_path).mail.outside, send=(Role.TEACHER,))


def row(settings: OutsideMail, answer: dict[str, Any] | None, there: bool = True) -> dict[str, Any] | None:
    outbound = Outbound(Asked(answer), lambda: there, lambda: settings, lambda: NOW)
    outbound.work()
    return outbound.check()


def standing(
    waiting: int = 0, age: timedelta = timedelta(0), problem: str | None = None, broken: bool = False
) -> dict[str, Any]:
    oldest = (NOW - age).isoformat() if waiting else None
    return {"waiting": waiting, "oldest": oldest, "problem": problem, "broken": broken}


def test_what_only_somebody_can_mend_is_red_at_once(settings):
    wrong = "the smarthost refuses login or password (535)"
    assert row(settings, standing(1, problem="the smarthost gives no answer in time"))["ok"], "that may pass"
    found = row(settings, standing(1, problem=wrong, broken=True))
    assert found["text"] == f"{wrong}; 1 wait; see: schoolserver mail queue" and not found["ok"]
    assert row(settings, standing(problem=wrong, broken=True)) == {
        "name": "mail to the outside",
        "ok": False,
        "text": wrong,
    }
    assert row(replace(settings, send=()), standing(problem=wrong, broken=True)) is None


def test_what_rests_because_of_a_lock_is_no_trouble(settings):
    resting = {"waiting": 2, "oldest": None, "problem": None, "broken": False}
    assert row(settings, resting) == {"name": "mail to the outside", "ok": True, "text": "2 of locked accounts"}


def test_while_nobody_may_write_to_the_outside_there_is_no_row(settings):
    off = replace(settings, send=())
    assert row(off, standing()) is None and row(settings, standing(), there=False) is None
    assert row(off, standing(1))["ok"], "what is left of former times is shown"


def test_it_is_red_when_the_oldest_waits_for_too_long(settings):
    assert row(settings, standing()) == {"name": "mail to the outside", "ok": True, "text": "nothing waits"}
    assert row(settings, standing(3, timedelta(minutes=59)))["ok"]
    late = row(settings, standing(3, timedelta(hours=5), "the smarthost gives no answer in time"))
    assert not late["ok"]
    assert late["text"].startswith("3 wait, the oldest for 5 h; the smarthost gives no answer in time; see: ")


def test_who_gives_no_answer_is_red_if_he_is_needed(settings):
    assert not row(settings, None)["ok"]
    assert row(replace(settings, send=()), None)["ok"]
