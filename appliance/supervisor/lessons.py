"""What is set for lessons, in the state: rooms, exams and opened sites, until when and by whom.

May live here: the table of measures. May not: what one means (``policy.lessons``), who may take it
(``policy.leading``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from appliance.policy.lessons import Measure
from appliance.supervisor.state import State

MOST: Final = 200
"""Measures that may be in force at once, far more than a school has lessons."""


@dataclass(frozen=True, slots=True)
class KnownLesson:
    """One measure about the group ``gid``, in ``room``, or both; ``number`` 0 until it is kept."""

    measure: Measure
    gid: int | None
    room: str | None
    targets: tuple[str, ...]
    since: datetime
    until: datetime
    by: str
    number: int = 0
    log_on: bool = False

    def replaces(self, former: KnownLesson) -> bool:
        """Whether it takes the place of ``former``: the same for the same; what is opened adds to other sites."""
        if (self.measure, self.gid) != (former.measure, former.gid):
            return False
        if self.measure is Measure.EXAM:
            return True
        return self.room == former.room and self.targets == former.targets


class TooMany(Exception):
    """There are as many measures in force as there may be."""


class Lessons:
    """The table; a measure whose ``until`` has passed counts no more and is swept away at the next change."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, new: KnownLesson) -> tuple[KnownLesson, tuple[KnownLesson, ...]]:
        """Keep ``new``; give it with its number, and what it replaces. On disk when it returns.

        Raises :class:`TooMany`, and keeps nothing then.
        """
        with self._state.change() as database:
            former = tuple(one for one in self.standing(new.since) if new.replaces(one))
            self._sweep(new.since, {one.number for one in former})
            if len(self.standing(new.since)) >= MOST:
                raise TooMany(f"{MOST} measures are in force, and there may be no more")
            cursor = database.execute(
                "INSERT INTO lesson (measure, gid, room, targets, since, until, by, log_on) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    new.measure.value,
                    new.gid,
                    new.room,
                    " ".join(new.targets),
                    new.since.isoformat(),
                    new.until.isoformat(),
                    new.by,
                    new.log_on,
                ),
            )
            return replace(new, number=int(cursor.lastrowid or 0)), former

    def end(self, numbers: Collection[int], now: datetime) -> None:
        """End the measures of these ``numbers`` before their time."""
        with self._state.change():
            self._sweep(now, numbers)

    def standing(self, now: datetime) -> tuple[KnownLesson, ...]:
        """All in force at ``now``, oldest first."""
        with self._state.read() as database:
            rows = database.execute(
                "SELECT id, measure, gid, room, targets, since, until, by, log_on FROM lesson ORDER BY id"
            ).fetchall()
        found = (
            KnownLesson(
                Measure(measure),
                gid,
                room,
                tuple(targets.split()),
                datetime.fromisoformat(since),
                datetime.fromisoformat(until),
                by,
                number,
                bool(log_on),
            )
            for number, measure, gid, room, targets, since, until, by, log_on in rows
        )
        return tuple(lesson for lesson in found if lesson.until > now)

    def _sweep(self, now: datetime, numbers: Collection[int]) -> None:
        """Inside a change: drop those of ``numbers``, and all that have ended."""
        kept = {lesson.number for lesson in self.standing(now)} - set(numbers)
        with self._state.read() as database:
            for (number,) in database.execute("SELECT id FROM lesson").fetchall():
                if number not in kept:
                    database.execute("DELETE FROM lesson WHERE id = ?", (number,))
