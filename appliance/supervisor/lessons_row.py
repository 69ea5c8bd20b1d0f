"""The row of status about lessons: what is set now, so that nobody looks for a fault where a teacher wanted it.

May live here: that row. May not: what is set (``lessons``), by whom: a status speaks of no person.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from appliance.policy.lessons import Lesson, Measure

if TYPE_CHECKING:
    from appliance.policy.snapshot import Snapshot

NAME: Final = "lessons"
_SHOWN: Final = 6


def check_lessons(snapshot: Snapshot | None, now: datetime) -> dict[str, Any] | None:
    """Give the row; ``None`` while nothing is set."""
    texts = [] if snapshot is None else list(_texts(snapshot, now))
    if not texts:
        return None
    more = f" and {len(texts) - _SHOWN} more (schoolserver web lessons)" if len(texts) > _SHOWN else ""
    return {"name": NAME, "ok": True, "text": f"{'; '.join(texts[:_SHOWN])}{more}"}


def _texts(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    for lesson in snapshot.lessons:
        if lesson.holds(now):
            yield f"{_what(lesson)} until {lesson.until.astimezone(snapshot.zone):%H:%M}"


def _what(lesson: Lesson) -> str:
    if lesson.measure is Measure.EXAM:
        return f"exam of {lesson.group}"
    if lesson.measure is Measure.BLOCK:
        return f"no web in room {lesson.room}"
    return f"{len(lesson.targets)} site(s) open to {lesson.group or f'room {lesson.room}'}"
