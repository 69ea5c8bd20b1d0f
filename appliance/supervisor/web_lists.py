"""How the web filter's lists are: the row of status, and each list for the carer (K13).

May live here: reading the record for the carer. May not: what is well (``filter.standing``),
renewing them (``lists_renewal``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from appliance.filter import record
from appliance.filter.sources import items
from appliance.filter.standing import judged
from appliance.policy.account import Service

if TYPE_CHECKING:
    from appliance.settings.load import Settings

NAME: Final = "web lists"


def check_lists(settings: Settings) -> dict[str, Any]:
    """Give the row: whether each closed category has a list that is young enough."""
    if not any(rule.allow and Service.WEB in rule.services for rule in settings.access.rules):
        return {"name": NAME, "ok": True, "text": "not needed: the web is closed to everybody"}
    wanted = settings.web.lists
    try:
        found = record.read(record.folder_of(settings.server.state))
    except (OSError, ValueError) as error:
        return {"name": NAME, "ok": False, "text": f"how the lists are cannot be read ({error})"}
    ok, text = judged(found, items(wanted.sources), settings.web_rules.categories, wanted.stale, datetime.now(UTC))
    return {"name": NAME, "ok": ok, "text": text}


def told(settings: Settings) -> dict[str, Any]:
    """Give each list as it stands, and the index: when it was ``made`` (ISO), ``entries`` by category, ``problem``.

    Of each list: ``categories``, ``url``, ``entries``, ``left_out``, ``checked`` and ``changed`` (ISO), ``problem``.
    Raises ``OSError`` or ``ValueError``.
    """
    found = record.read(record.folder_of(settings.server.state))
    lists = []
    for item in items(settings.web.lists.sources):
        kept = found.lists.get(item.key, record.Kept())
        times = {"checked": _iso(kept.checked), "changed": _iso(kept.changed)}
        counts = {"entries": kept.count, "left_out": kept.left_out}
        lists.append({"categories": item.categories, "url": item.url, "problem": kept.problem, **counts, **times})
    index = {"made": _iso(found.made), "entries": dict(found.entries), "left_out": found.left_out}
    return {"lists": lists, "problem": found.problem, **index}


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
