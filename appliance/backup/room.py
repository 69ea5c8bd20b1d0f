"""Whether there is room for what is to come back: on the disk, and in its owner's quota (K11).

May live here: that question. May not: how much somebody has used (who asks for the restore says what is left).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from appliance.backup.problem import BackupError
from appliance.backup.wanted import MAIL, Wanted
from appliance.backup_server.manifest import Entry
from appliance.daemon.space import Reserve
from appliance.usage.weight import LEAST, weight

if TYPE_CHECKING:
    from appliance.settings.load import Settings


def check_room(settings: Settings, wanted: Wanted, entries: Iterable[Entry]) -> None:
    """Raise :class:`BackupError` (``no-space``) if ``entries`` would go into the disk's reserve or over the quota."""
    disk = owned = 0
    for entry in entries:
        taken = weight(entry.size) if entry.kind == "f" else LEAST
        disk += taken
        owned += entry.size if wanted.part == MAIL and entry.kind == "f" else taken if wanted.part != MAIL else 0
    if Reserve(settings.server.data, max(1, settings.server.reserve)).refuses(disk):
        raise BackupError("no-space", f"it takes {_mb(disk)}, and the disk has no room for that beside its reserve")
    if wanted.room is not None and owned > wanted.room:
        left = _mb(max(0, wanted.room))
        raise BackupError(
            "no-space", f"it takes {_mb(owned)}, and of the quota {left} are left; less of it, or: schoolserver quota"
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
