"""Instants as a carer types them, in the school's zone. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from appliance.supervisor.verb import VerbError

_YEARS = range(1900, 9999)
"""In which any zone can be reckoned with."""
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)


def instant(name: str, text: str, zone: ZoneInfo) -> datetime:
    """Read ``2026-11-23 09:30`` (in ``zone``), ``2026-11-23`` (its first moment) or ISO 8601 with an offset; aware.

    Raises :class:`VerbError` that names the argument ``name``.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = datetime.min
    if found.year not in _YEARS:
        raise VerbError(
            "wrong-arguments",
            f"argument {name!r} is {text[:40]!r}; it must be a day such as 2026-12-18, or '2026-12-18 13:00'",
        )
    return found if found.tzinfo else found.replace(tzinfo=zone)


def end(name: str, text: str, zone: ZoneInfo) -> datetime:
    """As :func:`instant`, but a day alone means its end: the first moment of the next one."""
    found = instant(name, text, zone)
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return found
    return datetime.combine(day + timedelta(days=1), time(), zone)


def end_today(name: str, text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """As :func:`end`; a time of day alone (``10:35``) is the one of the day that ``now`` (aware) is in ``zone``."""
    clock = _CLOCK.fullmatch(text.strip())
    try:
        return end(name, f"{now.astimezone(zone):%Y-%m-%d} {int(clock[1]):02d}:{clock[2]}" if clock else text, zone)
    except VerbError as problem:
        allowed = "a time of today such as 10:35, or '2026-12-18 10:35'"
        raise VerbError(problem.kind, f"argument {name!r} is {text[:40]!r}; it must be {allowed}") from problem


def shown(at: datetime | None, zone: ZoneInfo) -> str:
    """An instant for the carer, in the school's zone."""
    return "never" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
