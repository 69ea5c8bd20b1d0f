"""Which slices of the copy are verified now, so that within a month all of it was. Pure: ``now`` is given.

May live here: that rule. May not: what is in a slice (``backup_server``), or asking for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

SLICES: Final = 4
"""Into how many slices the units of a copy are dealt."""
WITHIN: Final = timedelta(days=31)
"""Each unit is verified anew before so much time has passed, as long as drills are no more than NEXT apart."""
NEXT: Final = timedelta(days=8)
"""How long the next drill may take to come: a week, and what chance and a night without power add."""


def due(verified: Mapping[int, datetime], now: datetime) -> tuple[int, ...]:
    """Give the slices to verify now, ``verified`` being when that was done last, by the number of the slice.

    Those that would be older than :data:`WITHIN` at the next drill, or were never verified; else the oldest, so that in
    quiet times each week has one. What lies ahead, because a clock was put right meanwhile, counts as never.
    """
    known = {number: at for number, at in verified.items() if at <= now}
    never = [number for number in range(SLICES) if number not in known]
    aged = sorted((at, number) for number, at in known.items() if 0 <= number < SLICES)
    late = [number for at, number in aged if now - at + NEXT > WITHIN]
    return tuple(never + late) or (aged[0][1],)


def last(done: Iterable[tuple[datetime, Iterable[int]]]) -> dict[int, datetime]:
    """Give when each slice was verified last, from drills in any order: when each began, and its slices."""
    verified: dict[int, datetime] = {}
    for at, numbers in done:
        for number in numbers:
            verified[number] = max(at, verified.get(number, at))
    return verified
