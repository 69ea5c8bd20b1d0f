"""Which trouble is told now: what is new, what lasts once a day, what is over once. Pure: ``now`` is given.

May live here: that rule. May not: what trouble is (``watch_rule``), mail (``alarm``), a clock, a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_AGAIN = timedelta(hours=23)  # a look each hour is a little early now and then


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something to see to. ``key`` tells one from another; ``once``: it is told once, and not that it is over."""

    key: str
    text: str
    once: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a trouble: its words, ``at`` when last (aware), whether only ``once``."""

    text: str
    at: datetime
    once: bool


Memory = Mapping[str, Told]
"""By key: what was told and, as far as is known, still is so."""


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told: trouble that stands, and the words of what is over."""

    troubles: Sequence[Trouble]
    over: Sequence[str]


def news(memory: Memory, troubles: Sequence[Trouble], now: datetime) -> News:
    """Give what is to be told of ``troubles`` that stand ``now``; empty when there is nothing.

    Once something is to be told, all that stands is, but for what is told once only.
    """
    standing = {one.key for one in troubles}
    over = [told.text for key, told in memory.items() if key not in standing and not told.once]
    fresh = [one for one in troubles if one.key not in memory]
    late = [
        one
        for one in troubles
        if not one.once and one.key in memory and not timedelta(0) <= now - memory[one.key].at < _AGAIN
    ]
    if not (over or fresh or late):
        return News((), ())
    return News([one for one in troubles if one in fresh or not one.once], over)


def remembered(memory: Memory, troubles: Sequence[Trouble], told: News, now: datetime) -> dict[str, Told]:
    """Give what is known after ``told`` was told ``now``."""
    said = {one.key for one in told.troubles}
    return {
        one.key: Told(one.text, now if one.key in said else memory[one.key].at, one.once)
        for one in troubles
        if one.key in said or one.key in memory
    }
