"""``web.yaml: safe_search``: for whom search engines and YouTube are reached at their safe address, as written.

May live here: the option, and the policy's rules that are made of it. May not: which hosts it is about (the proxy's
table).
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
from appliance.daemon.options_values import BOOLEAN, choice, text
from appliance.policy.access import Who
from appliance.policy.account import Role
from appliance.policy.safe_search import Enforced, SearchRule

_NAME = r"[a-z0-9][a-z0-9._-]{0,62}"


class Youtube(StrEnum):
    """How much YouTube leaves out."""

    OFF = "off"
    MODERATE = "moderate"
    STRICT = "strict"


_LEVELS: Final = {Youtube.MODERATE: Enforced.YOUTUBE_MODERATE, Youtube.STRICT: Enforced.YOUTUBE_STRICT}


@dataclass(frozen=True, slots=True)
class SafeSearchEntry:
    """One rule as written; without roles, groups and users it is for everyone."""

    roles: tuple[Role, ...] = option(
        ListOf(choice(Role)),
        [],
        "For these roles, groups and users; if all three are empty, for everyone.",
        example=["pupil"],
    )
    groups: tuple[str, ...] = option(
        ListOf(text(_NAME, "a group's name in lower case")), [], "See roles.", example=["klasse3a"]
    )
    users: tuple[str, ...] = option(
        ListOf(text(_NAME, "a login in lower case")), [], "See roles; logins.", example=["fred.mustermann"]
    )
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
        SearchRule(str(source(f"web.safe_search[{number}]")), _who(entry), _enforced(entry))
        for number, entry in enumerate(entries)
    )


def _who(entry: SafeSearchEntry) -> Who:
    roles, groups, users = frozenset(entry.roles), frozenset(entry.groups), frozenset(entry.users)
    return Who(not (roles or groups or users), roles, groups, users)


def _enforced(entry: SafeSearchEntry) -> frozenset[Enforced]:
    found = {Enforced.SEARCH} if entry.search else set()
    if entry.youtube in _LEVELS:
        found.add(_LEVELS[entry.youtube])
    return frozenset(found)
