"""``school.yaml``: what the school is called and its calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from appliance.daemon.options import REQUIRED, option
from appliance.daemon.options_collections import ListOf
from appliance.daemon.options_network import DOMAIN
from appliance.daemon.options_table import table
from appliance.daemon.options_times import DATE, ZONE
from appliance.daemon.options_values import choice, text
from appliance.daemon.texts import LANGUAGES


@dataclass(frozen=True, slots=True)
class Holiday:
    """Days without school, both ends included."""

    name: str = option(text(), "Holidays", "What they are called.", example="Weihnachtsferien")
    first: date = option(DATE, REQUIRED, "First day without school.", example="2026-12-23")
    last: date = option(DATE, REQUIRED, "Last day without school.", example="2027-01-06")


@dataclass(frozen=True, slots=True)
class School:
    """The school; ``domain`` in lower case is what stands after the @ of every address."""

    name: str = option(
        text(), "Musterschule", "The school's name, as its users read it.", example="Grundschule am Park"
    )
    domain: str = option(
        DOMAIN,
        "schule.example",
        "The school's domain: an address is login@domain. It cannot be changed once accounts exist.",
        example="grundschule-am-park.example",
    )
    zone: ZoneInfo = option(
        ZONE, "Europe/Berlin", "Time zone in which every time of day is meant.", example="Europe/Vienna"
    )
    language: str = option(choice(LANGUAGES), "de", "Language of texts for users: de German, en English.", example="en")
    holidays: tuple[Holiday, ...] = option(
        ListOf(table(Holiday), repeats=True),
        [],
        "Days without school, which access rules can except.",
        example=[{"name": "Weihnachtsferien", "first": "2026-12-23", "last": "2027-01-06"}],
    )
