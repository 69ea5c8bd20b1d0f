"""``web.yaml``: what may be set for lessons, for how long, and by whom in which room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf, MappingOf
from appliance.daemon.options_numbers import duration
from appliance.daemon.options_reading import Reading
from appliance.daemon.options_values import text
from appliance.settings.network import ROOM

_LOGIN = text(r"[a-z0-9][a-z0-9._-]{0,62}", "a login in lower case")


@dataclass(frozen=True, slots=True)
class WebLessons:
    """Blocked rooms, exams and opened sites; ``longest`` in seconds, ``rooms``: logins by room."""

    longest: float = option(
        duration(60, 86_400),
        "10 h",
        "For so long a room may be blocked, an exam last or a site be opened at the most.",
        example="4 h",
    )
    rooms: Mapping[str, tuple[str, ...]] = option(
        MappingOf(ROOM, ListOf(_LOGIN)),
        {},
        "Rooms (network.yaml) in which only these teachers may do so; in all others every teacher may.",
        example={"12": ["anna.lehmann"], "library": []},
    )


def _rooms(reading: Reading) -> None:
    known = reading.value("network.rooms")
    for room in reading.value("web.lessons").rooms:
        if room not in known:
            allowed = f"a room of network.yaml: {', '.join(known) or 'there is none'}"
            near = "".join(get_close_matches(room, known, 1)) if not reading.full else ""
            reading.report(reading.sources[f"web.lessons.rooms.{room}"], repr(room), allowed, near)


LESSON_CHECKS: Final[tuple[Callable[[Reading], None], ...]] = (_rooms,)
"""What must fit together; each is told of problems by ``Reading.report``."""
