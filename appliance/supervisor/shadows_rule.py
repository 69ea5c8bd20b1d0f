"""Which former versions (shadow copies) there are to be. Pure: instants in, instants out.

Of the last day there is one for each hour, of each day before that the last one, as far back as they are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

EVERY: Final = timedelta(hours=1)
"""How long work may be lost."""
_DAY: Final = timedelta(days=1)
_FORM: Final = "@GMT-%Y.%m.%d-%H.%M.%S"


def is_due(taken: Iterable[str], now: datetime) -> bool:
    """Whether it is time for another one after those of the instants ``taken`` (``@GMT-2026.11.21-15.00.00``, UTC)."""
    past = [instant for instant in map(_instant, taken) if instant <= now]
    return not past or now - max(past) >= EVERY


def over(taken: Iterable[str], keep: timedelta, now: datetime) -> list[str]:
    """Give those of ``taken`` to be given up, oldest first; ``keep`` of 0: all.

    One of a clock that went wrong lies in the future and is given up, too.
    """
    found: list[str] = []
    of_days: set[object] = set()
    for stamp in sorted(taken, reverse=True):
        instant = _instant(stamp)
        age, day = now - instant, instant.date()
        if not keep or age > keep or age < -EVERY or (age > _DAY and day in of_days):
            found.append(stamp)
        else:
            of_days.add(day)
    return found[::-1]


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, _FORM).replace(tzinfo=UTC)
