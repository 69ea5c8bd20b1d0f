"""What came out of a drill: counts, never a name or a path of somebody, so that it can be shown and signed.

May live here: the value and its text. May not: files (``drill_files``), words for people (``drill_report``), what is
well and what is not (``drill_standing``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

MAILBOX: Final = "mailbox"
GROUPS: Final = "groups"
"""What is tried beside the roles: one whole mailbox, files of group folders."""

_FORMAT: Final = 1
_NAME: Final = "%Y-%m-%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Tried:
    """Of one role: ``units`` are the homes (or group folders, or mailboxes) tried, ``files`` those compared."""

    units: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One drill, from ``began`` to ``ended`` (aware).

    ``snapshot``: the name of the copy it looked at, of ``copies`` that there are. ``tried``: what was restored and
    compared, by role, and as :data:`GROUPS` and :data:`MAILBOX`. ``slices``: the numbers of those that the second place
    verified whole (``appliance.backup.slices``), in which it looked at ``files`` with ``bytes`` together. ``dumped``:
    the dump was there and read whole. ``faults``: how many of each kind were found, by part and kind; a fault that was
    found in both ways counts once.
    """

    began: datetime
    ended: datetime
    snapshot: str
    copies: int
    tried: Mapping[str, Tried]
    slices: tuple[int, ...]
    files: int
    bytes: int
    dumped: bool
    faults: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def made(self) -> datetime:
        """When the copy that it looked at was made."""
        return datetime.strptime(self.snapshot, _NAME).replace(tzinfo=UTC)

    @property
    def well(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    @property
    def found(self) -> int:
        """How many faults were found."""
        return sum(sum(kinds.values()) for kinds in self.faults.values())


def encode(result: Result) -> bytes:
    """Give the text that is signed: JSON in ASCII; equal results give equal bytes."""
    tried = {name: [one.units, one.files] for name, one in result.tried.items()}
    body = {
        "format": _FORMAT,
        "began": result.began.isoformat(),
        "ended": result.ended.isoformat(),
        "snapshot": result.snapshot,
        "copies": result.copies,
        "tried": tried,
        "slices": list(result.slices),
        "files": result.files,
        "bytes": result.bytes,
        "dumped": result.dumped,
        "faults": {part: dict(kinds) for part, kinds in result.faults.items()},
    }
    return json.dumps(body, indent=1, sort_keys=True).encode("ascii") + b"\n"


def decode(data: bytes) -> Result:
    """Read what :func:`encode` gave; raises ``ValueError`` for anything else."""
    try:
        body = json.loads(data)
        if body["format"] != _FORMAT:
            raise ValueError("the result of a drill is of another version")
        result = Result(
            began=_instant(body["began"]),
            ended=_instant(body["ended"]),
            snapshot=_text(body["snapshot"]),
            copies=_count(body["copies"]),
            tried={name: Tried(_count(units), _count(files)) for name, (units, files) in body["tried"].items()},
            slices=tuple(map(_count, body["slices"])),
            files=_count(body["files"]),
            bytes=_count(body["bytes"]),
            dumped=body["dumped"] is True,
            faults={
                part: {kind: _count(many) for kind, many in kinds.items()} for part, kinds in body["faults"].items()
            },
        )
        result.made  # noqa: B018 - it must have one
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("this is no result of a drill") from error
    return result


def _instant(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError("an instant without a time zone")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("no count")
    return value
