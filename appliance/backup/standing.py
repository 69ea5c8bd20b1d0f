"""How the backup stands: what was tried and done last, what is being done, and whether that is well.

May live here: the record in our folder, which the supervisor may read, and rules about it. May not: making a backup.
Nothing in it names a person or a file of one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from appliance.daemon.whole_file import Owner, write_whole

_NAME = "record.json"
_TRIES = 6
_ONE_NIGHT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Record:
    """All instants aware; ``None``: never.

    ``set_up``: both sides were made known to each other. ``tried`` and ``succeeded``: the last backup that was begun,
    and the last one that was committed and read back; ``failures``: how many failed in a row since. ``problem``: why
    the last one failed. ``progress``: done, of how many, with what, while one runs. The rest is of the one that
    succeeded: ``snapshot``, its name; ``figures``: files, changed, sent (bytes), seconds, left_out (could not be read),
    missing (did not arrive), unsettled (never held still), gone; ``left_out``: what is wrong with it; ``free`` and
    ``total`` bytes over there; ``encrypted_here`` and ``encrypted_there``: whether the disks are, ``None``: unknown;
    ``warnings`` from there.
    """

    set_up: datetime | None = None
    tried: datetime | None = None
    succeeded: datetime | None = None
    problem: str | None = None
    failures: int = 0
    progress: tuple[int, int, str] | None = None
    snapshot: str | None = None
    figures: Mapping[str, int] = field(default_factory=dict)
    left_out: str | None = None
    free: int | None = None
    total: int | None = None
    encrypted_here: bool | None = None
    encrypted_there: bool | None = None
    warnings: tuple[str, ...] = ()


def read(folder: Path) -> Record:
    """The record in our ``folder``, an empty one where there is none; raises ``OSError``, ``ValueError`` if broken."""
    try:
        kept = json.loads((folder / _NAME).read_bytes())
    except FileNotFoundError:
        return Record()
    try:
        kept.update({name: datetime.fromisoformat(kept[name]) for name in _INSTANTS if kept[name]})
        kept.update({name: tuple(kept[name]) for name in ("progress", "warnings") if kept.get(name) is not None})
        return Record(**kept)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("the record is of another version") from error


def write(folder: Path, record: Record, owner: Owner | None) -> None:
    """Keep ``record`` for whoever is in the group of ``owner``; raises ``OSError``."""
    kept = asdict(record)
    kept.update({name: value.isoformat() for name in _INSTANTS if (value := kept[name])})
    write_whole(folder / _NAME, json.dumps(kept, indent=1).encode(), 0o640, owner)


def failures_in_a_row(record: Record, now: datetime) -> int:
    """How many failed one after the other in the night of ``now``; the next night begins anew."""
    return record.failures if record.tried is not None and abs(now - record.tried) < _ONE_NIGHT else 0


def to_be_tried_again(record: Record) -> bool:
    """Whether what failed is tried again the same night; then the carer hears of it, and the next night tries."""
    return record.failures < _TRIES


def judged(record: Record, max_age: float, now: datetime) -> tuple[bool, str]:
    """Whether all is well with backups that may be ``max_age`` seconds old, and why; the first one may not fail."""
    if record.set_up is None:
        return False, "there is no backup server yet; see schoolserver backup pair"
    age = now - (record.succeeded or record.set_up)
    fresh = age <= timedelta(seconds=max_age)
    hours = int(age.total_seconds() // 3600)
    said = f"the last backup was made {hours} h ago" if record.succeeded else f"no backup yet, set up {hours} h ago"
    if record.left_out:
        said += f", but {record.left_out}"
    if record.progress is not None:
        done, total, text = record.progress
        said += f"; one is being made: {text}, {100 * done // max(total, 1)} %"
    if record.problem:
        said += f"; since then: {record.problem}"
    never = record.problem is not None and record.succeeded is None
    return fresh and not record.left_out and not never, "; ".join((said, *warnings(record)))


def warnings(record: Record) -> list[str]:
    """What the carer should know though it makes nothing red, each in a few words."""
    plain = [
        place
        for place, encrypted in (("here", record.encrypted_here), ("on the backup server", record.encrypted_there))
        if encrypted is False
    ]
    said = [f"the disk is NOT ENCRYPTED {' and '.join(plain)}"] if plain else []
    return [*said, *record.warnings]


_INSTANTS = ("set_up", "tried", "succeeded")
