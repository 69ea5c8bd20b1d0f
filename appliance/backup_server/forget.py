"""Removes a person from every snapshot: the folders of home and mailbox, and what the manifest says about them (K24).

May live here: finding and removing what is a person's in a school's store, as root and without a network. May not: when
(``forget_rule``), who asked (``forget_list``). Sealed dumps are not edited: nobody here can open them; they age out. A
cut at any point is made up for by the next call: what was begun is done first.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.backup_server import forget_list, forget_rule, forgotten, ready
from appliance.backup_server.forget_rule import Refused, Request
from appliance.backup_server.lines import stored_owner

SNAPSHOT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}", re.ASCII)
_PARTS = ("homes", "mail")
_LINE = re.compile(rb"(homes|mail) ([0-9a-f]{64})")
_PUT_ASIDE = re.compile(r"\.former-[0-9]{8}-([0-9]{1,10})-(.+)", re.ASCII)  # by the school's server, for a while
_LONGEST_HEAD = 8192
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GETFLAGS, _SETFLAGS, _READ_ONLY = 0x80089419, 0x4008941A, 1 << 1  # linux/btrfs.h

Head = tuple[str, str, int | None]  # the unit's name, its person's login and number
Heads = dict[str, Head | None]


@dataclass(frozen=True, slots=True)
class Forgot:
    """What a call did: how many requests were ``done``, ``removed`` units of all snapshots, and how many still wait.

    ``withheld`` of those are ripe, but more than may go in a month.
    """

    done: int = 0
    removed: int = 0
    waiting: int = 0
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class _Unit:
    """A folder in a snapshot, and its section; ``None``: there is none, or it is gone already."""

    snapshot: Path
    part: str
    name: str
    section: str | None


def asked(place: Path, said: bytes, now: datetime) -> dict[str, Any]:
    """Take in what the school's server ``said`` for its store ``place``; what it is told, without anybody's name.

    A login without a number is looked for in the snapshots. Raises :class:`forget_rule.Refused`, ``OSError``.
    """
    login, uid, consent, undo = forget_list.wanted(said)
    if uid is None:
        uid = _number_of(place, login)
    if undo:
        forget_list.change(place, lambda requests: forget_rule.take_back(requests, login, uid), now)
        return {"taken_back": True}
    new = Request(login, uid, now, consent)
    requests = forget_list.change(place, lambda requests: forget_rule.ask(requests, new), now)
    found = next(one for one in requests if one.done is None and one.is_of(login, uid))
    return {**forget_list.told([found])[0], "taken_back": False}


def work(place: Path, clock: Callable[[], datetime]) -> Forgot:
    """Do what is due in the store ``place``; nothing else may change its snapshots meanwhile. Raises ``OSError``."""
    requests, done, removed = forget_list.change(place, tuple, clock()), 0, 0
    heads: Heads = {}
    for one in forget_rule.due(requests, accounts(place, clock()), clock()) if requests else ():
        if one.begun:
            _close(place)
        units = list(_units(place, one.login, one.uid, heads))
        if not _noted(place, one, clock(), begun=True, found=max(one.found, len(units))):
            continue  # it was taken back meanwhile
        ready.drop(place)
        forgotten.add(place, (unit.section for unit in units if unit.section))
        for unit in units:
            _remove(unit)
        _noted(place, one, clock(), done=clock())
        done, removed = done + 1, removed + len(units)
    if done:
        forgotten.prune(place, {name for snapshot in snapshots(place) for _, name in _sections(snapshot)})
        requests = forget_list.read(place)
    waiting = sum(one.done is None for one in requests)
    return Forgot(
        done, removed, waiting, forget_rule.withheld(requests, accounts(place, clock()), clock()) if waiting else 0
    )


def snapshots(place: Path) -> list[Path]:
    """All snapshots of the store ``place``, the oldest first."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(one for one in (place / "snapshots").iterdir() if SNAPSHOT.fullmatch(one.name))
    return []


def accounts(place: Path, now: datetime) -> int:
    """How many homes the school has: the fewest of any snapshot of the last month, and of the newest.

    So nobody makes a tenth of them more by making up a thousand homes a night before.
    """
    all_ = snapshots(place)
    month = f"{now - forget_rule.MONTH:%Y-%m-%dT%H%M%S}"
    lately = [one for one in all_ if one.name >= month] or all_[-1:]
    return min((sum(part == "homes" for part, _ in _sections(one)) for one in lately), default=0)


def _number_of(place: Path, login: str) -> int:
    heads: Heads = {}
    numbers = {
        head[2]
        for snapshot in snapshots(place)
        for part, name in _sections(snapshot)
        if part == "homes" and (head := _head(snapshot, name, heads)) and head[1] == login and head[2]
    }
    if len(numbers) != 1:
        said = f"several persons had this login: {', '.join(map(str, sorted(n for n in numbers if n)))}"
        raise Refused(f"{said}; say which number is meant" if numbers else "no snapshot has a home of this login")
    return int(numbers.pop() or 0)


def _noted(place: Path, request: Request, now: datetime, **what: Any) -> bool:
    """Note it with the request; ``False`` if it waits no more."""
    after = forget_list.change(
        place,
        lambda requests: tuple(replace(one, **what) if one.id == request.id else one for one in requests),
        now,
    )
    return any(one.id == request.id for one in after)


def _units(place: Path, login: str, uid: int, heads: Heads) -> Iterator[_Unit]:
    """What is this person's in each snapshot: by the manifest, and by the home's owner where its section is gone.

    A mailbox whose section says no number belongs to whose home is called so in the same snapshot.
    """
    for snapshot in snapshots(place):
        heads_here = [(part, name, _head(snapshot, name, heads)) for part, name in _sections(snapshot)]
        found = {(part, head[0]): (name, head) for part, name, head in heads_here if head and head[1] == login}
        home = found.get(("homes", login))
        at_home = (_stored_owner(snapshot / "homes" / login) if not home or home[1][2] is None else home[1][2]) == uid
        for part in _PARTS:
            if (part, login) not in found and at_home and os.path.lexists(snapshot / part / login):
                yield _Unit(snapshot, part, login, None)
        for (part, unit), (name, head) in found.items():
            if head[2] == uid or (head[2] is None and at_home):
                yield _Unit(snapshot, part, unit, name)


def _sections(snapshot: Path) -> list[tuple[str, str]]:
    """Part and section of each home and mailbox that its index names."""
    try:
        lines = (snapshot / "index").read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [(match[1].decode(), match[2].decode()) for match in map(_LINE.fullmatch, lines) if match]


def _head(snapshot: Path, section: str, heads: Heads) -> Head | None:
    """Of whom a section is; ``None`` where it is gone."""
    if section not in heads:
        try:
            with (snapshot / "sections" / section).open("rb") as file:
                said: Mapping[str, Any] = json.loads(file.readline(_LONGEST_HEAD))
            aside = _PUT_ASIDE.fullmatch(said["unit"])
            heads[section] = (
                (said["unit"], aside[2], int(aside[1])) if aside else (said["unit"], said["unit"], said["uid"])
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            heads[section] = None
    return heads[section]


def _stored_owner(path: Path) -> int | None:
    try:
        descriptor = os.open(path, _FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return stored_owner(descriptor, os.fstat(descriptor))[1]
    finally:
        os.close(descriptor)


def _remove(unit: _Unit) -> None:
    """Remove folder and section, in this order: until the section is gone the next call finds what is left."""
    with _writable(unit.snapshot):
        for above in (unit.snapshot / unit.part, unit.snapshot / "sections"):
            with _open_to_us(above) as descriptor:
                if above.name == "sections":
                    if unit.section:
                        (above / unit.section).unlink(missing_ok=True)
                elif os.path.lexists(above / unit.name):
                    _delete(above / unit.name)
                os.fsync(descriptor)


def _close(place: Path) -> None:
    """A cut may have come while a snapshot was open to writing."""
    for snapshot in snapshots(place):
        with _writable(snapshot):
            pass


def _delete(path: Path) -> None:
    """Without descending: each folder found is moved up to the top, so depth costs nothing."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        path.unlink()
        return
    path.chmod(0o700)
    while found := list(path.iterdir()):
        for one in found:
            if not stat.S_ISDIR(one.lstat().st_mode):
                one.unlink()
                continue
            one.chmod(0o700)
            for inner in list(one.iterdir()):
                if stat.S_ISDIR(inner.lstat().st_mode):
                    inner.chmod(0o700)
                    inner.rename(path / secrets.token_hex(16))
                else:
                    inner.unlink()
            one.rmdir()
    path.rmdir()


@contextlib.contextmanager
def _open_to_us(folder: Path) -> Iterator[int]:
    """Folders of a snapshot are closed to writing; that hinders whoever is not root, as in a demo."""
    descriptor = os.open(folder, _FOLDER)
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    try:
        if os.geteuid():
            os.fchmod(descriptor, mode | 0o700)
        yield descriptor
    finally:
        if os.geteuid():
            os.fchmod(descriptor, mode)
        os.close(descriptor)


@contextlib.contextmanager
def _writable(snapshot: Path) -> Iterator[None]:
    """On btrfs a snapshot is read-only to root as well; elsewhere there is nothing to do."""
    descriptor = os.open(snapshot, _FOLDER)
    flags = bytearray(8)
    try:
        try:
            fcntl.ioctl(descriptor, _GETFLAGS, flags)
        except OSError:
            yield
            return
        flags[0] &= ~_READ_ONLY
        fcntl.ioctl(descriptor, _SETFLAGS, flags)
        try:
            yield
        finally:
            flags[0] |= _READ_ONLY
            fcntl.ioctl(descriptor, _SETFLAGS, flags)
    finally:
        os.close(descriptor)
