"""The row of status about category lists: a category that is closed to somebody and has no list closes nothing (K13).

May live here: whether each list is there. May not: what is in it (the proxy reads it), fetching one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from appliance.policy.account import Service

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.settings.load import Settings

NAME: Final = "web lists"
_SHOWN: Final = 12


def check_lists(settings: Settings) -> dict[str, Any]:
    """Give the row: whether each category of ``proxy.yaml: blocked_categories`` has a list with something in it."""
    proxy = settings.proxy
    if not any(rule.allow and Service.WEB in rule.services for rule in settings.access.rules):
        return {"name": NAME, "ok": True, "text": "not needed: the web is closed to everybody"}
    wanted = sorted({category for closed in proxy.blocked_categories.values() for category in closed})
    missing = [category for category in wanted if not _has_content(proxy.lists / category / "domains")]
    if not missing:
        return {"name": NAME, "ok": True, "text": f"there for all {len(wanted)} closed categories"}
    names = ", ".join(missing[:_SHOWN]) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
    remedy = "fetch them (handbook: Web) or take them out of proxy.yaml: blocked_categories, then: schoolserver reload"
    return {
        "name": NAME,
        "ok": False,
        "text": f"nothing is blocked of {names}: {proxy.lists} has no such list; {remedy}",
    }


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
