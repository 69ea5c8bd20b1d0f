"""Names of schools and of snapshots. May live here: what one looks like, and the next. May not: folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

SCHOOL = re.compile(r"[a-z][a-z0-9-]{0,18}", re.ASCII)
"""With ``schoolbackup-`` before it, it is a user's name, which may have 32 characters."""

SNAPSHOT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}", re.ASCII)
_FORMAT = "%Y-%m-%dT%H%M%S"


def moment(name: str) -> datetime:
    """When the snapshot of this name was committed; raises ValueError."""
    return datetime.strptime(name, _FORMAT).replace(tzinfo=UTC)


def next_name(now: datetime, names: Iterable[str]) -> str:
    """Name the present moment, but later than all ``names``: a clock that was put back hides no snapshot."""
    later = [moment(name) + timedelta(seconds=1) for name in names]
    return max([now.astimezone(UTC).replace(microsecond=0), *later]).strftime(_FORMAT)
