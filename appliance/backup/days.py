"""Which snapshot is meant by a day, in a carer's words. May live here: that rule. May not: asking for snapshots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from appliance.backup.problem import BackupError

SNAPSHOT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}", re.ASCII)
"""What a snapshot is called: the moment in UTC at which it was made."""

_FORMAT: Final = "%Y-%m-%dT%H%M%S"
_WEEKDAYS: Final = (
    ("monday", "montag"),
    ("tuesday", "dienstag"),
    ("wednesday", "mittwoch"),
    ("thursday", "donnerstag"),
    ("friday", "freitag"),
    ("saturday", "samstag"),
    ("sunday", "sonntag"),
)
_SOON: Final = {"today": 0, "heute": 0, "yesterday": 1, "gestern": 1}


def moment(name: str) -> datetime:
    """When the snapshot of this name was made; raises ``ValueError``."""
    return datetime.strptime(name, _FORMAT).replace(tzinfo=UTC)


def meant(said: str | None, names: Sequence[str], zone: ZoneInfo, now: datetime) -> str:
    """The newest of the snapshots ``names`` that ``said`` means; ``None``: the newest of all.

    A day (2026-11-21), today, yesterday or the last such weekday in the school's ``zone``, or a snapshot's name. Raises
    :class:`BackupError`: ``refused`` for what is none of these, ``no-copy``, which says what days there are.
    """
    if said is None or SNAPSHOT.fullmatch(said):
        fitting = [name for name in names if said in (None, name)]
        wanted = said
    else:
        day = _day(said.strip().lower(), now.astimezone(zone).date())
        fitting = [name for name in names if moment(name).astimezone(zone).date() == day]
        wanted = f"{day}, a {day:%A}"
    if fitting:
        return max(fitting)
    days = sorted({f"{moment(name).astimezone(zone):%Y-%m-%d}" for name in names})
    if not days:
        raise BackupError("no-copy", "there is no snapshot yet; see schoolserver backup list")
    raise BackupError("no-copy", f"there is no snapshot of {wanted}; there are some of {', '.join(days)}")


def _day(said: str, today: date) -> date:
    if said in _SOON:
        return today - timedelta(days=_SOON[said])
    for number, names in enumerate(_WEEKDAYS):
        if said in names:
            return today - timedelta(days=(today.weekday() - number) % 7)
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", said, re.ASCII):
            return date.fromisoformat(said)
    except ValueError:
        pass
    raise BackupError(
        "refused",
        "a date is a day such as 2026-11-21, today, yesterday, a weekday such as monday, or a snapshot's name",
    )
