"""``web.yaml``: what may be set for lessons, for how long, and by whom in which room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf, MappingOf
from appliance.daemon.options_numbers import duration
from appliance.settings.network import ROOM
from appliance.settings.rule_words import LOGIN


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
        MappingOf(ROOM, ListOf(LOGIN)),
        {},
        "Rooms (network.yaml) in which only these teachers may do so; in all others every teacher may.",
        example={"12": ["anna.lehmann"], "library": []},
    )
