"""What follows an attempt to hand a message on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.mail.envelope import Asked
from appliance.mail.outside.attempts import Answer, Handed, Patience, Standing, after, fresh, given_up
from appliance.mail.outside.envelope import Queued
from appliance.mail.party import OutsideRecipient
from appliance.mail.reports_text import Action

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PATIENCE = Patience(timedelta(minutes=5), timedelta(hours=1), timedelta(hours=4), timedelta(days=3))
SENT, TOLD = Answer(Handed.SENT, "2.0.0"), Answer(Handed.SENT_TOLD, "2.0.0")
LATER, NEVER = Answer(Handed.LATER, "4.2.0", "450 later", "mx"), Answer(Handed.NEVER, "5.1.1", "550 no", "mx")


def queued(*notify: str) -> Queued:
    """A message for two; both asked to be told of ``notify``."""
    asked = Asked(frozenset(notify), "rfc822;x@y")
    to = (OutsideRecipient("a@home.example", asked), OutsideRecipient("b@home.example", asked))
    return Queued(identity="3f9c", login="frida", sender="frida@schule.example", recipients=to, arrived=AT)


def test_who_has_it_is_done_with_and_who_has_not_waits() -> None:
    step = after(queued(), fresh(queued()), {0: SENT, 1: LATER}, AT, PATIENCE)
    assert step.standing == Standing((1,), AT + PATIENCE.first, 1, False, "4.2.0") and not step.outcomes
    step = after(queued(), step.standing, {1: SENT}, AT, PATIENCE)
    assert step.standing is None and not step.outcomes and not step.failed


def test_pauses_grow_to_the_longest() -> None:
    standing, pauses = fresh(queued()), []
    for _ in range(7):
        step = after(queued(), standing, {}, AT, PATIENCE)
        assert step.standing is not None
        standing = step.standing
        pauses.append((standing.next - AT) // timedelta(minutes=1))
    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    step = after(queued(), replace(standing, tries=5000), {}, AT, PATIENCE)
    assert step.standing is not None and step.standing.next == AT + PATIENCE.most


def test_a_delay_is_told_once() -> None:
    late = AT + PATIENCE.delayed
    step = after(queued(), fresh(queued()), {0: LATER, 1: LATER}, late, PATIENCE)
    assert [(one.action, one.status, one.until) for one in step.outcomes] == [
        (Action.DELAYED, "4.2.0", AT + PATIENCE.expire)
    ] * 2
    assert step.standing is not None and step.standing.told
    assert not after(queued(), step.standing, {0: LATER, 1: LATER}, late, PATIENCE).outcomes


@pytest.mark.parametrize("answers", [{0: LATER, 1: LATER}, {}])
def test_in_the_end_it_comes_back(answers: dict[int, Answer]) -> None:
    step = after(queued(), fresh(queued()), answers, AT + PATIENCE.expire, PATIENCE)
    assert step.standing is None and step.failed == {0, 1}
    assert [(one.action, one.status) for one in step.outcomes] == [(Action.FAILED, "5.4.7")] * 2


def test_a_last_attempt_that_succeeds_counts() -> None:
    step = after(queued(), fresh(queued()), {0: SENT, 1: NEVER}, AT + PATIENCE.expire, PATIENCE)
    assert [(one.address, one.status, one.said) for one in step.outcomes] == [("b@home.example", "5.1.1", "550 no")]
    assert step.failed == {1}


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ((), [Action.FAILED]),
        (("NEVER",), []),
        (("SUCCESS",), [Action.RELAYED]),
        (("FAILURE",), [Action.FAILED]),
        (("DELAY",), []),
        (("SUCCESS", "FAILURE", "DELAY"), [Action.RELAYED, Action.FAILED]),
    ],
)
def test_what_was_asked_for_is_told(notify: tuple[str, ...], told: list[Action]) -> None:
    message = queued(*notify)
    step = after(message, fresh(message), {0: SENT, 1: NEVER}, AT, PATIENCE)
    assert [one.action for one in step.outcomes] == told and step.failed == {1}
    assert all(one.original == "rfc822;x@y" for one in step.outcomes)
    assert Action.RELAYED not in [
        one.action for one in after(message, fresh(message), {0: TOLD}, AT, PATIENCE).outcomes
    ]
    late = after(message, fresh(message), {0: LATER, 1: LATER}, AT + PATIENCE.delayed, PATIENCE)
    assert bool(late.outcomes) == (not notify or "DELAY" in notify)


def test_what_is_given_up_fails_for_all_who_are_left() -> None:
    step = given_up(queued(), Standing((1,), AT), "5.7.2")
    assert step.standing is None and [(one.address, one.status) for one in step.outcomes] == [
        ("b@home.example", "5.7.2")
    ]
    assert given_up(queued("NEVER"), Standing((1,), AT), "5.7.2").failed == {1}
