"""How the copies stand: what was tried and done last, whether that is well, when the next is due.

May live here: the record in our folder, which the supervisor may read, and rules about it. May not: making a copy.
Nothing in it names a person or a file of one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance.daemon.whole_file import Owner, write_whole

_NAME = "record.json"
_RETRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Record:
    """All instants aware; ``None``: never.

    ``set_up``: our key was made. ``tried`` and ``succeeded``: the last copy that was begun, and the last one that was
    completed and read back. ``problem``: why the last one failed. ``snapshot`` is that copy's name, ``figures`` its
    counts (files, changed, size, sent, seconds), ``left_out`` what is not in it, ``free`` bytes left in the second
    place.
    """

    set_up: datetime | None = None
    tried: datetime | None = None
    succeeded: datetime | None = None
    problem: str | None = None
    snapshot: str | None = None
    figures: Mapping[str, int] = field(default_factory=dict)
    free: int | None = None
    left_out: str | None = None


def read(folder: Path) -> Record:
    """The record in our ``folder``, an empty one where there is none; raises ``OSError``, ``ValueError`` if broken."""
    try:
        kept = json.loads((folder / _NAME).read_bytes())
    except FileNotFoundError:
        return Record()
    try:
        kept.update({name: datetime.fromisoformat(kept[name]) for name in _INSTANTS if kept[name]})
        return Record(**kept)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("the record is of another version") from error


def write(folder: Path, record: Record, owner: Owner | None) -> None:
    """Keep ``record`` for whoever is in the group of ``owner``; raises ``OSError``."""
    kept = asdict(record)
    kept.update({name: value.isoformat() for name in _INSTANTS if (value := kept[name])})
    write_whole(folder / _NAME, json.dumps(kept, indent=1).encode(), 0o640, owner)


def next_due(record: Record, at: time, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the next copy is to begin, in the past if it is late; ``None`` before the second place was set up.

    Each night ``at`` that time in ``zone``; a night that was missed is made up for at once. What failed is tried again
    an hour later.
    """
    since = max((one for one in (record.set_up, record.succeeded) if one), default=None)
    if record.set_up is None or since is None:
        return None
    local = min(since, now).astimezone(zone)
    night = datetime.combine(local.date(), at, zone)
    if night <= local:
        night = datetime.combine(local.date() + timedelta(days=1), at, zone)
    failed = record.tried is not None and record.tried > since
    return max(night, record.tried + _RETRY) if failed and record.tried else night


def judged(record: Record, max_age: float, now: datetime) -> tuple[bool, str]:
    """Whether all is well with copies that may be ``max_age`` seconds old, and why; the first one may not fail."""
    if record.set_up is None:
        return False, "the second place is not set up; see schoolserver backup setup"
    age = now - (record.succeeded or record.set_up)
    fresh = age <= timedelta(seconds=max_age)
    hours = int(age.total_seconds() // 3600)
    said = f"the last copy was made {hours} h ago" if record.succeeded else f"no copy yet, set up {hours} h ago"
    if record.left_out:
        said += f", but {record.left_out}"
    if record.problem:
        said += f"; since then: {record.problem}"
    never = record.problem is not None and record.succeeded is None
    return fresh and not record.left_out and not never, said


_INSTANTS = ("set_up", "tried", "succeeded")
