"""When something holds: weekdays, times of day, holidays.

May live here: calendar arithmetic. May not: what is open then, or to whom. The clock on the wall decides: a window from
08:00 to 13:00 is open while a clock in the school shows those hours, so the hour that exists twice in October counts
both times and the one that is skipped in March not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_HORIZON = timedelta(days=8)
_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Holidays(StrEnum):
    """What the school's holidays mean to a schedule: nothing, open then only, or closed then."""

    ANY = "any"
    ONLY = "only"
    EXCEPT = "except"


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` to just before ``end``, times on the wall. An end not after the start is on the following day.

    ``Window(time(0), time(0))`` is a whole day. A window over midnight belongs to the day on which it starts.
    """

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Days:
    """Holidays from ``first`` to ``last``, both included. Raises ``ValueError`` when they are the wrong way round."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"holidays end on {self.last}, before they begin on {self.first}")


ALL_DAY = Window(time(0), time(0))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Open on ``weekdays`` (0 is Monday) in any of the ``windows``, by the clocks of ``zone``.

    ``holidays`` says whether ``days_off`` (the school's holidays) matter. No weekday or no window: never open.
    """

    weekdays: frozenset[int]
    windows: tuple[Window, ...]
    zone: ZoneInfo
    holidays: Holidays = Holidays.ANY
    days_off: tuple[Days, ...] = ()

    def active(self, now: datetime) -> bool:
        """Whether the schedule is open at the aware instant ``now``."""
        wall = now.astimezone(self.zone)
        today, clock = wall.date(), wall.time()
        for window in self.windows:
            if window.start < window.end:
                if window.start <= clock < window.end and self._on(today):
                    return True
            elif (clock >= window.start and self._on(today)) or (clock < window.end and self._on(today - _DAY)):
                return True
        return False

    def next_change(self, now: datetime) -> datetime | None:
        """Give the instant (UTC) at which :meth:`active` changes next; never a late one, ``None``: it never changes.

        It looks about a week ahead; when nothing changes so soon, it gives the end of what it has looked at.
        """
        if not self.windows or not self.weekdays:
            return None
        now = now.astimezone(UTC)
        state = self.active(now)
        return next((edge for edge in self._edges(now) if self.active(edge) is not state), now + _HORIZON)

    def _on(self, day: date) -> bool:
        if day.weekday() not in self.weekdays:
            return False
        if self.holidays is Holidays.ANY:
            return True
        off = any(days.first <= day <= days.last for days in self.days_off)
        return off is (self.holidays is Holidays.ONLY)

    def _edges(self, now: datetime) -> Iterator[datetime]:
        """Yield each instant (UTC) after ``now`` at which the answer could change, for about a week."""
        clocks = sorted({clock for window in self.windows for clock in (window.start, window.end)})
        instant = now
        while instant - now < _HORIZON:
            wall = instant.astimezone(self.zone).replace(tzinfo=None)
            today, clock = wall.date(), wall.time()
            following = datetime.combine(today + _DAY, time(0))
            if self._on(today) or self._on(today - _DAY):
                ahead = (datetime.combine(today, later) for later in clocks if later > clock)
                following = next(ahead, following)
            instant = self._before_clocks_change(instant, instant + (following - wall))
            yield instant

    def _before_clocks_change(self, start: datetime, end: datetime) -> datetime:
        """Give ``end``, or the instant between at which the zone's clocks are put forward or back."""
        offset = start.astimezone(self.zone).utcoffset()
        if end.astimezone(self.zone).utcoffset() == offset:
            return end
        while end - start > timedelta.resolution:
            middle = start + (end - start) // 2
            if middle.astimezone(self.zone).utcoffset() == offset:
                start = middle
            else:
                end = middle
        return end

    def __str__(self) -> str:
        """Give the schedule in words for the carer: ``Mon Tue 08:00-13:00, not in the holidays``."""
        days = " ".join(name for number, name in enumerate(_NAMES) if number in self.weekdays) or "no day"
        hours = " ".join(f"{window.start:%H:%M}-{window.end:%H:%M}" for window in self.windows) or "at no time"
        return f"{days} {hours}{_IN_HOLIDAYS[self.holidays]}"


_IN_HOLIDAYS = {
    Holidays.ANY: "",
    Holidays.ONLY: ", in the holidays only",
    Holidays.EXCEPT: ", not in the holidays",
}
