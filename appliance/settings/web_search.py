"""``web.yaml: safe_search``: for whom search engines and YouTube are reached at their safe address, as written.

May live here: the option, and the policy's rules that are made of it. May not: which hosts it is about (the
filter's table).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf
from appliance.daemon.options_reading import Source
from appliance.daemon.options_table import table
from appliance.daemon.options_values import BOOLEAN, choice
from appliance.policy.safe_search import Enforced, SearchRule
from appliance.settings.rule_words import Whom


class Youtube(StrEnum):
    """How much YouTube leaves out."""

    OFF = "off"
    MODERATE = "moderate"
    STRICT = "strict"


_LEVELS: Final = {Youtube.MODERATE: Enforced.YOUTUBE_MODERATE, Youtube.STRICT: Enforced.YOUTUBE_STRICT}


@dataclass(frozen=True, slots=True)
class SafeSearchEntry(Whom):
    """One rule as written; without roles, groups and users it is for everyone."""

    search: bool = option(BOOLEAN, True, "Whether search engines leave out what is not for children.", example=False)
    youtube: Youtube = option(
        choice(Youtube),
        "strict",
        "Whether YouTube leaves out much (strict), less (moderate) or nothing (off).",
        example="moderate",
    )


SAFE_SEARCH: Final = ListOf(table(SafeSearchEntry), repeats=True)
"""The type of the option."""


def search_rules(entries: Sequence[SafeSearchEntry], source: Callable[[str], Source]) -> tuple[SearchRule, ...]:
    """Make the policy's rules; ``source`` gives the place of a path such as ``web.safe_search[2]``."""
    return tuple(
        SearchRule(str(source(f"web.safe_search[{number}]")), entry.who, _enforced(entry))
        for number, entry in enumerate(entries)
    )


def _enforced(entry: SafeSearchEntry) -> frozenset[Enforced]:
    found = {Enforced.SEARCH} if entry.search else set()
    if entry.youtube in _LEVELS:
        found.add(_LEVELS[entry.youtube])
    return frozenset(found)
