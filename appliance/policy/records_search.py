"""How rules of safe search are written as JSON values in a snapshot and read again: from format 5 on.

May live here: one writer and one reader, side by side. May not: the file as a whole (``snapshot``), meanings. The
reader raises as those of ``records`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.policy.records_mail import read_who, write_who
from appliance.policy.safe_search import Enforced, SearchRule
from appliance.policy.values import array, text


def write_search(rule: SearchRule) -> dict[str, Any]:
    """Give all of a rule."""
    return {"source": rule.source, "who": write_who(rule.who), "enforced": sorted(rule.enforced)}


def read_search(record: Mapping[str, Any]) -> SearchRule:
    """Read a rule."""
    enforced = frozenset(map(Enforced, array(record["enforced"])))
    return SearchRule(text(record["source"]), read_who(record["who"]), enforced)
