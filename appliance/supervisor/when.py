"""Instants as a carer types them, in the school's zone. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from appliance.supervisor.verb import VerbError


def instant(name: str, text: str, zone: ZoneInfo) -> datetime:
    """Read ``2026-11-23 09:30`` (in ``zone``), ``2026-11-23`` (its first moment) or ISO 8601 with an offset; aware.

    Raises :class:`VerbError` that names the argument ``name``.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise VerbError(
            "wrong-arguments",
            f"argument {name!r} is {text[:40]!r}; it must be a day such as 2026-12-18, or '2026-12-18 13:00'",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def end(name: str, text: str, zone: ZoneInfo) -> datetime:
    """As :func:`instant`, but a day alone means its end: the first moment of the next one."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return instant(name, text, zone)
    return datetime.combine(day + timedelta(days=1), time(), zone)


def shown(at: datetime | None, zone: ZoneInfo) -> str:
    """An instant for the carer, in the school's zone."""
    return "never" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
