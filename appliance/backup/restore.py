"""The way back: one file or folder of a home, from one copy, to its owner and nobody else (K16).

It is fetched into a folder that only root can enter, beside the homes, looked at there, and then appears in its owner's
home at once as a whole, in a folder of its own. Nothing in a home is overwritten, and no link in it is followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from appliance.backup import argv
from appliance.backup.intent import own_folder, second_place
from appliance.backup.problem import BackupError
from appliance.backup.receiver import SNAPSHOT, moment
from appliance.backup.rsync import Runner
from appliance.backup.run import require_key
from appliance.daemon.descriptors import FOLDER, exists, opened

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DRAFT = ".restoring-"
_LONGEST = 2048
_MOST = 100
_MISSING = "there is no such file or folder in that copy of the home, or no such copy"
_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Wanted:
    """``path`` in the home of ``login``, whose numeric id is ``uid``.

    ``date`` is a day (2026-11-21) in the school's zone, whose last copy is meant, or the name of a copy; ``None`` means
    the newest. Raises :class:`BackupError` (``refused``) for what is no login, no date or no path below a home.
    """

    login: str
    uid: int
    path: str
    date: str | None = None

    def __post_init__(self) -> None:
        """Refuse what leaves the home or is no name at all."""
        names = self.path.split("/")
        plain = self.path.isprintable() and len(self.path) <= _LONGEST
        if not plain or any(name in ("", ".", "..") for name in names):
            raise BackupError("refused", "a path goes down from the home, such as Documents/letter.odt")
        if not _LOGIN.fullmatch(self.login):
            raise BackupError("refused", "this is no login")
        if self.date is not None and not (SNAPSHOT.fullmatch(self.date) or _DAY.fullmatch(self.date)):
            raise BackupError("refused", "a date is a day such as 2026-11-21, or the name of a copy")

    def chosen(self, names: Sequence[str], zone: ZoneInfo) -> str:
        """The newest of the copies ``names`` that is meant; raises :class:`BackupError` (``no-copy``)."""
        days = {name: f"{moment(name).astimezone(zone):%Y-%m-%d}" for name in names}
        fitting = [name for name, day in days.items() if self.date in (None, name, day)]
        if not fitting:
            raise BackupError(
                "no-copy", f"there is no copy {f'of {self.date}' if self.date else 'yet'}; see backup list"
            )
        return max(fitting)


def restore(settings: Settings, wanted: Wanted, started: Callable[[Runner], None] = lambda _: None) -> dict[str, Any]:
    """Put it into a new folder in its owner's home, with owner, modes and times; gives that ``folder``'s name.

    Gives the name of the ``snapshot`` too. ``started(runner)`` gets what can be stopped. Raises :class:`BackupError`.
    """
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    runner = Runner(None, own.folder / "restore.complaints")
    started(runner)
    zone = settings.school.zone
    try:
        with _home(settings, wanted) as (homes, home), _draft(homes, settings.server.data / "homes") as draft:
            snapshot = wanted.chosen(runner.ask(argv.ask(place, "list")).get("snapshots", []), zone)
            _fetch(runner, argv.fetch(place, snapshot, f"homes/{wanted.login}/{wanted.path}", draft))
            staged = draft / "homes" / wanted.login
            if not os.path.lexists(staged / wanted.path):
                raise BackupError("no-copy", _MISSING)
            if staged.stat().st_uid != os.fstat(home).st_uid:
                raise BackupError("not-owner", "in that copy the home belongs to somebody else of the same login")
            folder = _appear(staged, home, f"Restored-{moment(snapshot).astimezone(zone):%Y-%m-%d}")
            return {"folder": folder, "snapshot": snapshot}
    except OSError as error:
        raise BackupError("disk", f"it cannot be put into the home: {os.strerror(error.errno or 0)}") from error


def _fetch(runner: Runner, words: tuple[str, ...]) -> None:
    try:
        runner.rsync(words)
    except BackupError as error:
        if error.kind != "unreadable":
            raise
        raise BackupError("no-copy", _MISSING) from error


@contextlib.contextmanager
def _home(settings: Settings, wanted: Wanted) -> Iterator[tuple[int, int]]:
    """The folder of homes, and the home in it if it is the owner's."""
    with opened(os.open(settings.server.data / "homes", FOLDER)) as homes:
        try:
            descriptor = os.open(wanted.login, FOLDER, dir_fd=homes)
        except OSError as error:
            raise BackupError("not-owner", "there is no home for it") from error
        with opened(descriptor) as home:
            if os.fstat(home).st_uid not in (wanted.uid, *([] if os.geteuid() == 0 else [os.geteuid()])):
                raise BackupError("not-owner", "the home belongs to somebody else")
            yield homes, home


@contextlib.contextmanager
def _draft(homes: int, path: Path) -> Iterator[Path]:
    name = f"{_DRAFT}{secrets.token_hex(8)}"
    os.mkdir(name, 0o700, dir_fd=homes)
    try:
        yield path / name
    finally:
        shutil.rmtree(path / name, ignore_errors=True)


def _appear(staged: Path, home: int, name: str) -> str:
    """Rename the whole folder into the home under the first free name; renaming replaces nothing that is not empty."""
    for number in range(1, _MOST):
        free = name if number == 1 else f"{name}-{number}"
        if exists(free, home):
            continue
        try:
            os.rename(staged, free, dst_dir_fd=home)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            continue
        os.fsync(home)
        return free
    raise BackupError("refused", f"there are {_MOST} restored folders of that day already; remove some")
