"""The row of status about drills: when the backup was tried last, and whether it came back as it was (K07).

May live here: that row. May not: drilling, or when that counts as well (``backup.drill_standing``).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.backup import drill_standing, standing

if TYPE_CHECKING:
    from appliance.backup.drill_result import Result
    from appliance.settings.load import Settings

NAME: Final = "backup drill"


def check_drill(settings: Settings, now: datetime) -> dict[str, Any] | None:
    """Give the row; ``None`` where there is no backup server to try."""
    if settings.backup.target is None:
        return None
    own = settings.server.state / "backup"
    drills = drill_standing.folder(own)
    try:
        record = standing.read(own)
        found = _since_the_last_good_one(drills)
    except (OSError, ValueError):
        return {"name": NAME, "ok": False, "text": "the results of drills cannot be read"}
    if record.set_up is None and not found:
        return None
    ok, text = drill_standing.judged(found, record.set_up or now, drill_standing.problem(drills), now)
    return {"name": NAME, "ok": ok, "text": text}


def _since_the_last_good_one(drills: Path) -> list[Result]:
    found = []
    for _, result in drill_standing.results(drills):
        found.append(result)
        if result.well:
            break
    return found
