"""What follows an attempt to hand a message on: who has it, who never will, when it is tried again. Pure.

May live here: that rule. May not: clocks, files (``spool``), SMTP (``smarthost``), what a report looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from appliance.mail.outside.envelope import Queued
from appliance.mail.reports import Outcome
from appliance.mail.reports_text import Action

_EXPIRED: Final = "5.4.7"


class Handed(StrEnum):
    """What became of a message at one recipient, for now; SENT_TOLD: the next server reports by itself (RFC 3461)."""

    SENT = "sent"
    SENT_TOLD = "sent-told"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``handed`` means: an enhanced ``status`` (RFC 3463), what the other server ``said``, and which it was."""

    handed: Handed
    status: str
    said: str = ""
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited after the ``first`` attempt, at the ``most``, until it is ``delayed``, until it goes back."""

    first: timedelta
    most: timedelta
    delayed: timedelta
    expire: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message is: the numbers of the recipients that are ``left``, ``tries`` so far, the ``next`` (aware).

    ``told``: whether its sender knows of the delay. ``why``: the status of the last attempt.
    """

    left: tuple[int, ...]
    next: datetime
    tries: int = 0
    told: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What follows: the ``standing`` (``None``: the message is done with) and the ``outcomes`` its sender is told.

    ``failed``: numbers of the recipients that never get it, told or not.
    """

    standing: Standing | None
    outcomes: tuple[Outcome, ...] = ()
    failed: frozenset[int] = frozenset()


def fresh(queued: Queued) -> Standing:
    """Give where a message is that nobody tried yet."""
    return Standing(tuple(range(len(queued.recipients))), queued.arrived)


def after(queued: Queued, standing: Standing, answers: Mapping[int, Answer], now: datetime, patience: Patience) -> Step:
    """Say what follows ``answers`` by number of recipient; one without an answer waits, as after LATER.

    Only for good or at last is a message failed; each recipient is reported as its sender asked (RFC 3461 4.1).
    """
    expired = now - queued.arrived >= patience.expire
    late = not standing.told and now - queued.arrived >= patience.delayed
    until = queued.arrived + patience.expire
    outcomes: list[Outcome | None] = []
    left, why, failed = [], standing.why, set()
    for number in standing.left:
        answer = answers.get(number)
        if answer is not None and answer.handed is not Handed.LATER:
            failed |= {number} if answer.handed is Handed.NEVER else set()
            if answer.handed is not Handed.SENT_TOLD:
                outcomes.append(_outcome(queued, number, answer))
            continue
        why = why if answer is None else answer.status
        if expired:
            gone = (
                Answer(Handed.NEVER, _EXPIRED)
                if answer is None
                else replace(answer, handed=Handed.NEVER, status=_EXPIRED)
            )
            outcomes.append(_outcome(queued, number, gone))
            failed.add(number)
            continue
        left.append(number)
        if late:
            outcomes.append(_delay(queued, number, answer or Answer(Handed.LATER, why or "4.4.1"), until))
    told = tuple(outcome for outcome in outcomes if outcome is not None)
    if not left:
        return Step(None, told, frozenset(failed))
    tries = standing.tries + 1
    pause = min(patience.first * 2 ** min(tries - 1, 30), patience.most)
    following = replace(standing, left=tuple(left), next=now + pause, tries=tries, why=why, told=standing.told or late)
    return Step(following, told, frozenset(failed))


def given_up(queued: Queued, standing: Standing, status: str) -> Step:
    """Say what follows when nobody who is left shall get the message, with ``status`` as the reason."""
    answer = Answer(Handed.NEVER, status)
    outcomes = [_outcome(queued, number, answer) for number in standing.left]
    told = tuple(outcome for outcome in outcomes if outcome is not None)
    return Step(None, told, frozenset(standing.left))


def _outcome(queued: Queued, number: int, answer: Answer) -> Outcome | None:
    """What is reported of a recipient that is done with, if that was asked for."""
    recipient = queued.recipients[number]
    failed = answer.handed is Handed.NEVER
    wanted = "FAILURE" if failed else "SUCCESS"
    asked = recipient.asked.notify
    if wanted not in asked and (asked or not failed):
        return None
    return Outcome(
        address=recipient.address,
        action=Action.FAILED if failed else Action.RELAYED,
        status=answer.status,
        original=recipient.asked.orcpt,
        remote=answer.remote,
        said=answer.said or None,
    )


def _delay(queued: Queued, number: int, answer: Answer, until: datetime) -> Outcome | None:
    recipient = queued.recipients[number]
    if recipient.asked.notify and "DELAY" not in recipient.asked.notify:
        return None
    return Outcome(
        address=recipient.address,
        action=Action.DELAYED,
        status=answer.status,
        original=recipient.asked.orcpt,
        remote=answer.remote,
        said=answer.said or None,
        until=until,
    )
