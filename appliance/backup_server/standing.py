"""How a school's copies stand, for its own server: the disk, and what is worth a warning. For ``commit`` and ``list``.

May live here: what is said. May not: alarms (``watch``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from appliance.backup_server import disk
from appliance.backup_server.encrypted import encrypted
from appliance.backup_server.names import moment
from appliance.backup_server.store import Place


def standing(place: Place, now: datetime) -> dict[str, Any]:
    """``free`` and ``total`` bytes, whether the disk is ``encrypted``, and ``warnings``; raises OSError."""
    free, total = disk.room(place.snapshots)
    warnings = []
    if free * 100 < total * place.settings.least_free:
        warnings.append(f"less than {place.settings.least_free} percent of the disk over there is free")
    names = place.names()
    if names and (moment(names[-1]) - now).total_seconds() > 3600:
        warnings.append("the newest snapshot is of the future: look at the clock over there")
    for said in place.state().values():
        warnings += [text for text in said.get("warnings", ()) if isinstance(text, str)]
    return {"free": free, "total": total, "encrypted": encrypted(place.snapshots), "warnings": warnings}
