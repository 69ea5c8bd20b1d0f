"""The requests to forget somebody, on the disk of this machine, where the school's own user cannot write.

May live here: reading, changing and telling them. May not: when one is due (``forget_rule``), removing (``forget``).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.backup_server import forget_rule
from appliance.backup_server.forget_rule import Refused, Request, Requests
from appliance.backup_server.kept_file import write_kept

_FOLDER, _FILE, _LOCK = "forget", "requests", "lock"
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_LONGEST = 4096
_INSTANTS = ("asked", "confirmed", "done")

Change = Callable[[Requests], Requests]


def wanted(said: bytes) -> tuple[str, int | None, bool, bool]:
    """What the school's server said (JSON): login, uid (None: it does not know), consent withdrawn, undo.

    Raises :class:`Refused`; what is said is hostile.
    """
    try:
        found = json.loads(said) if len(said) <= _LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found.keys() <= {"login", "uid", "consent_withdrawn", "undo"}:
        raise Refused("a request is JSON: login, uid, consent_withdrawn, undo")
    login, uid = found.get("login"), found.get("uid")
    consent, undo = found.get("consent_withdrawn", False), found.get("undo", False)
    if not isinstance(login, str) or not _LOGIN.fullmatch(login) or not (type(consent) is type(undo) is bool):
        raise Refused("a request is JSON: login, uid, consent_withdrawn, undo")
    if uid is not None and (type(uid) is not int or not 0 < uid < 1 << 32):
        raise Refused("a uid is a number above 0")
    return login, uid, consent, undo


def read(place: Path) -> tuple[Request, ...]:
    """All that are remembered for the school whose store is ``place``; raises ``OSError``, ``ValueError`` if broken."""
    try:
        found = json.loads((place / _FOLDER / _FILE).read_bytes())
    except FileNotFoundError:
        return ()
    try:
        return tuple(_request(one) for one in found)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("the list of requests to forget is of another version") from error


def change(place: Path, act: Change, now: datetime) -> tuple[Request, ...]:
    """Let ``act`` make another list of it, whole and on the disk when this returns; one at a time.

    Raises what ``act`` does, ``OSError`` and ``ValueError``.
    """
    with _locked(place) as folder:
        before = read(place)
        after = tuple(act(forget_rule.remembered(before, now)))
        if after != before:
            plain = [_plain(one) for one in after]
            write_kept(folder / _FILE, json.dumps(plain, indent=1).encode(), 0o640)
        return after


def told(requests: Requests) -> list[dict[str, Any]]:
    """What the school's server, and whoever writes alarms, may know of those that wait: nobody's name."""
    return [
        {
            "id": one.id,
            "asked": one.asked.isoformat(),
            "ripe": one.ripe.isoformat(),
            "confirmed": one.confirmed is not None,
            "consent": one.consent,
        }
        for one in requests
        if one.done is None
    ]


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[Path]:
    folder = place / _FOLDER
    folder.mkdir(mode=0o750, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(folder, 0, place.stat().st_gid)
    folder.chmod(0o750)  # whatever the umask: the school's user lists what waits
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def _plain(one: Request) -> dict[str, Any]:
    kept = asdict(one)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in kept.items()}


def _request(kept: dict[str, Any]) -> Request:
    instants = {name: datetime.fromisoformat(kept[name]).astimezone(UTC) for name in _INSTANTS if kept[name]}
    return Request(**{**kept, **instants})
