"""For whom search engines search safely (K13): rules in order, the first that is about somebody counts.

May live here: the rule, and which one counts. May not: which hosts that means, and how it is enforced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from appliance.policy.access import Who
from appliance.policy.account import Account


class Enforced(StrEnum):
    """What is enforced: of search engines, and one of two levels of YouTube."""

    SEARCH = "search"
    YOUTUBE_MODERATE = "youtube-moderate"
    YOUTUBE_STRICT = "youtube-strict"


@dataclass(frozen=True, slots=True)
class SearchRule:
    """What is ``enforced`` for ``who``; ``source`` is where it is written (``web.yaml:7 safe_search[0]``)."""

    source: str
    who: Who
    enforced: frozenset[Enforced]


NOT_NAMED: Final = SearchRule("default", Who(everyone=True), frozenset())
"""For whom no rule is there: nothing."""


def safe_search(rules: Sequence[SearchRule], account: Account | None) -> SearchRule:
    """Give the rule that counts for ``account``; for ``None``, an address without owner, all of them together."""
    if account is not None:
        return next((rule for rule in rules if rule.who.covers(account)), NOT_NAMED)
    together = frozenset[Enforced]().union(*(rule.enforced for rule in rules))
    if Enforced.YOUTUBE_STRICT in together:
        together -= {Enforced.YOUTUBE_MODERATE}
    return SearchRule(", ".join(rule.source for rule in rules if rule.enforced) or "default", Who(True), together)
