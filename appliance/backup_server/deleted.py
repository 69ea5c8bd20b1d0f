"""The school's list of accounts that were deleted for good, kept here so that a restore can delete them again.

May live here: taking it in and giving it. May not: anybody's name: of an account it has the day, the number and a hash
that only the school can make. It only grows: a school's server that was broken into cannot shorten it, and this machine
drops a line once no snapshot and no dump is older than it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from appliance.backup_server.forget_rule import Refused
from appliance.backup_server.kept_file import write_kept

_NAME = "deleted"
_LINE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([1-9][0-9]{0,9}) ([0-9a-f]{64})", re.ASCII)
_MOST = 20_000
_LONGEST = 100 * _MOST

Lines = Mapping[tuple[int, str], str]


def get(place: Path) -> bytes:
    """The list in the store ``place``: ``DAY UID HASH``, a line each. Raises ``OSError``."""
    try:
        return (place / _NAME).read_bytes()
    except FileNotFoundError:
        return b""


def put(place: Path, said: bytes, today: date) -> int:
    """Add what the school's server ``said`` to it, on the disk when this returns; how many lines there are now.

    Raises :class:`Refused` for anything but such lines, or too many of them, ``OSError``.
    """
    if len(said) > _LONGEST:
        raise Refused(f"a list of deleted accounts has up to {_MOST} lines")
    merged = merge(read(get(place)), read(said), today)
    oldest = _oldest(place)
    kept = {key: day for key, day in merged.items() if oldest is None or day >= oldest}
    if len(kept) > _MOST:
        raise Refused(f"a list of deleted accounts has up to {_MOST} lines")
    data = encoded(kept)
    if data != get(place):
        write_kept(place / _NAME, data, 0o440)
    return len(kept)


def read(data: bytes) -> Lines:
    """Day by number and hash; raises :class:`Refused`."""
    found: dict[tuple[int, str], str] = {}
    for line in data.decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if not match or not _is_day(match[1]):
            raise Refused("a line of deleted accounts is DAY UID HASH")
        key = int(match[2]), match[3]
        found[key] = max(found.get(key, ""), match[1])
    return found


def merge(before: Lines, new: Lines, today: date) -> Lines:
    """Both lists, of each account its last day; a day that has not come yet is ``today``."""
    merged = dict(before)
    for key, day in new.items():
        merged[key] = max(merged.get(key, ""), min(day, today.isoformat()))
    return merged


def encoded(lines: Lines) -> bytes:
    """The list as it is kept and sent."""
    return "".join(f"{day} {uid} {name}\n" for (uid, name), day in sorted(lines.items())).encode()


def _oldest(place: Path) -> str | None:
    """The day of the oldest snapshot or dump."""
    names: Iterable[str] = (
        one.name for kind in ("snapshots", "dumps") if (place / kind).is_dir() for one in (place / kind).iterdir()
    )
    return min((name[:10] for name in names if _is_day(name[:10])), default=None)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
