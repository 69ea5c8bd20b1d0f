"""How a schedule is written as JSON values in a snapshot and read again: the same in every rule that has one.

May live here: one writer and one reader, side by side. May not: rules, meanings. The reader raises as those of
``records`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from appliance.policy.schedule import Days, Holidays, Schedule, Window
from appliance.policy.values import array, text, whole


def write_schedule(schedule: Schedule) -> dict[str, Any]:
    """Give all of a schedule."""
    return {
        "weekdays": sorted(schedule.weekdays),
        "windows": [[window.start.isoformat(), window.end.isoformat()] for window in schedule.windows],
        "zone": schedule.zone.key,
        "holidays": schedule.holidays,
        "days_off": [[days.first.isoformat(), days.last.isoformat()] for days in schedule.days_off],
    }


def read_schedule(record: Mapping[str, Any]) -> Schedule:
    """Read a schedule."""
    return Schedule(
        weekdays=frozenset(map(whole, array(record["weekdays"]))),
        windows=tuple(
            Window(time.fromisoformat(start), time.fromisoformat(end)) for start, end in array(record["windows"])
        ),
        zone=ZoneInfo(text(record["zone"])),
        holidays=Holidays(record["holidays"]),
        days_off=tuple(
            Days(date.fromisoformat(first), date.fromisoformat(last)) for first, last in array(record["days_off"])
        ),
    )
