"""Types of the calendar: time of day, window of a day, date, weekdays, time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from appliance.daemon.options_values import Scalar

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` until just before ``end``; an end that is not after the start is on the following day.

    ``24:00`` is read as 00:00, so 00:00 to 00:00 is a whole day.
    """

    start: time
    end: time


def _time(value: str) -> time:
    found = _CLOCK.fullmatch(value)
    if not found:
        raise ValueError
    return time(int(found[1]), int(found[2]))


def _window(value: str) -> Window:
    first, dash, last = (part.strip() for part in value.partition("-"))
    if not dash:
        raise ValueError
    start, end = _time(first), time(0) if last == "24:00" else _time(last)
    if start == end and last != "24:00":
        raise ValueError("00:00-24:00" if start == time(0) else "")
    return Window(start, end)


def _date(value: str) -> date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        return date.fromisoformat(value)
    german = re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", value, re.ASCII)
    raise ValueError(f"{german[3]}-{int(german[2]):02d}-{int(german[1]):02d}" if german else "")


def _weekdays(value: str) -> frozenset[int]:
    days: set[int] = set()
    for part in value.casefold().split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        span = range(_day(first), _day(last if dash else first) + 1)
        if not span:
            raise ValueError
        days.update(span)
    return frozenset(days)


def _day(name: str) -> int:
    if name not in _DAYS:
        raise ValueError
    return _DAYS.index(name)


def _zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("".join(get_close_matches(value, available_timezones(), 1))) from None


TIME_OF_DAY: Scalar[time] = Scalar("time of day", "a time from 00:00 to 23:59, such as 07:30", _time)
WINDOW: Scalar[Window] = Scalar("time window", "a window that is not empty, such as 07:30-13:15", _window)
DATE: Scalar[date] = Scalar("date", "a date such as 2026-12-23", _date)
WEEKDAYS: Scalar[frozenset[int]] = Scalar("weekdays", "days such as mon-fri or mon, wed, sat", _weekdays)
ZONE: Scalar[ZoneInfo] = Scalar("time zone", "a time zone such as Europe/Berlin", _zone)
