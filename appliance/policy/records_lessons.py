"""How what is set for lessons is written as JSON values in a snapshot and read again: from format 5 on.

May live here: one writer and one reader, side by side. May not: the file as a whole (``snapshot``), meanings. The
reader raises as those of ``records`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from appliance.policy.lessons import Lesson, Measure
from appliance.policy.values import array, flag, text, whole


def write_lesson(lesson: Lesson) -> dict[str, Any]:
    """Give all of a measure without what it does not say."""
    record = {
        "number": lesson.number,
        "measure": lesson.measure,
        "since": lesson.since.isoformat(),
        "until": lesson.until.isoformat(),
        "group": lesson.group,
        "room": lesson.room,
        "targets": lesson.targets or None,
        "log_on": lesson.log_on or None,
    }
    return {key: value for key, value in record.items() if value is not None}


def read_lesson(record: Mapping[str, Any]) -> Lesson:
    """Read a measure."""
    return Lesson(
        whole(record["number"]),
        Measure(record["measure"]),
        datetime.fromisoformat(text(record["since"])),
        datetime.fromisoformat(text(record["until"])),
        text(record["group"]) if "group" in record else None,
        text(record["room"]) if "room" in record else None,
        tuple(map(text, array(record.get("targets", [])))),
        flag(record.get("log_on", False)),
    )
