"""Which snapshot is meant. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from appliance.backup.days import SNAPSHOT, meant
from appliance.backup.problem import BackupError


def chosen(snapshots: Sequence[Mapping[str, Any]], wanted: str | None, zone: ZoneInfo, now: datetime) -> str:
    """Give the newest that has a dump, or the last of the day that is ``wanted`` (see :func:`days.meant`).

    ``snapshots`` is what the receiver's ``list`` says. Raises :class:`BackupError` (``refused``, ``no-copy``).
    """
    known = {name: bool(one.get("dump")) for one in snapshots if SNAPSHOT.fullmatch(name := str(one.get("name")))}
    try:
        return meant(wanted, [name for name, whole in known.items() if whole], zone, now)
    except BackupError as error:
        files = ""
        with contextlib.suppress(BackupError):
            files = meant(wanted, list(known), zone, now)
        if not files:
            raise
        raise BackupError(
            "no-copy",
            "of then the backup server has the files only: dumps, which hold the settings and everybody's account, are"
            " kept for a month. Take a later day; once the school is back, restore --user and --group bring"
            " older files, too",
        ) from error
