"""A school's folder on the backup server: what lies where, whose it is, who works there now.

    SCHOOL/           root's and its group's
      lock            its owner is the school's user; who changes anything holds it
      incoming/       the school's user's: the one folder that its transfers write
      snapshots/NAME  committed: homes groups mail audit, index, index.sig, sections/, lacking
      dumps/NAME.age  the sealed dump of that snapshot
      work/           root's alone: what the committer is at
      state.json      what the last commit, verify and watch found; no names

May live here: paths, the lock, the small state. May not: what is written into a snapshot.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.backup_server.names import SCHOOL, SNAPSHOT
from appliance.backup_server.settings import Settings

ROOT = os.geteuid() == 0
"""Without root (demo, some tests) owners stay as they are, and the folders can be written by the one user there is."""

FOLDER = 0o550 if ROOT else 0o750
"""The mode of a committed folder."""

FILE = 0o440
"""The mode of a committed file."""

NEW = ".new"
"""Below ``snapshots``: what is being built."""

_EVERY = 0.05


class Busy(Exception):
    """Somebody else is at work on this school's copies."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of ``school``, which exists; ``settings`` of this machine."""

    school: str
    settings: Settings

    @property
    def folder(self) -> Path:
        """All of it."""
        return self.settings.folder / self.school

    @property
    def incoming(self) -> Path:
        """What transfers write into."""
        return self.folder / "incoming"

    @property
    def snapshots(self) -> Path:
        """The committed ones."""
        return self.folder / "snapshots"

    @property
    def dumps(self) -> Path:
        """The sealed dumps."""
        return self.folder / "dumps"

    @property
    def work(self) -> Path:
        """What only root may enter."""
        return self.folder / "work"

    def names(self) -> list[str]:
        """The committed snapshots, oldest first."""
        return sorted(path.name for path in self.snapshots.iterdir() if SNAPSHOT.fullmatch(path.name))

    def dump_names(self) -> list[str]:
        """The snapshots whose dump is here, oldest first."""
        found = (path.stem for path in self.dumps.iterdir() if path.suffix == ".age")
        return sorted(name for name in found if SNAPSHOT.fullmatch(name))

    def owner(self) -> tuple[int, int]:
        """Uid and gid of the school's user."""
        found = (self.folder / "lock").lstat()
        return found.st_uid, found.st_gid

    @contextlib.contextmanager
    def locked(self, exclusive: bool, seconds: float = 0.0) -> Iterator[int]:
        """Hold the school's lock, given as its descriptor; raises :class:`Busy` when it is not free in time.

        Transfers share it; whoever changes snapshots, dumps or the list has it alone.
        """
        how = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
        end = time.monotonic() + seconds
        descriptor = os.open(self.folder / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, how)
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise Busy("another transfer or commit of this school is at work") from None
                    time.sleep(_EVERY)
                else:
                    break
            yield descriptor
        finally:
            os.close(descriptor)

    def state(self) -> dict[str, Any]:
        """What was remembered, by who remembered it."""
        try:
            found = json.loads((self.folder / "state.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, who: str, what: dict[str, Any]) -> None:
        """Keep ``what`` under ``who`` (commit, watch, verify); its ``warnings`` are texts that ``list`` tells.

        Only whoever holds the lock alone, and is root.
        """
        self.write("state.json", json.dumps({**self.state(), who: what}, sort_keys=True).encode())

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the school's folder, whole or not at all; its group may read it."""
        path, fresh = self.folder / name, self.folder / f".{name}.new"
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if ROOT:
                os.fchown(descriptor, 0, self.owner()[1])
            os.fchmod(descriptor, FILE)
            os.fsync(descriptor)
        fresh.rename(path)


@contextlib.contextmanager
def building(gid: int) -> Iterator[None]:
    """Whatever is made inside is of the group ``gid`` and has just the mode that is said. For a process of its own."""
    mask, before = os.umask(0), os.getegid()
    if ROOT:
        os.setegid(gid)
    try:
        yield
    finally:
        os.umask(mask)
        if ROOT:
            os.setegid(before)


def place(settings: Settings, school: str) -> Place:
    """Find a school's folder; raises ValueError where there is none."""
    if not SCHOOL.fullmatch(school) or not (settings.folder / school / "lock").is_file():
        raise ValueError("there is no such school here")
    return Place(school, settings)


def schools(settings: Settings) -> list[str]:
    """The schools that have a folder here, sorted."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(
            path.name for path in settings.folder.iterdir() if SCHOOL.fullmatch(path.name) and (path / "lock").is_file()
        )
    return []


def prepare(settings: Settings, school: str, uid: int, gid: int) -> Place:
    """Make what a school's folder needs, or mend it; raises OSError. Its user is known by ``lock`` from then on."""
    made = Place(school, settings)
    settings.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    for folder, mode, owner in (
        (made.folder, 0o750, 0),
        (made.snapshots, FOLDER, 0),
        (made.dumps, FOLDER, 0),
        (made.work, 0o700, 0),
        (made.incoming, 0o700, uid),
    ):
        folder.mkdir(mode=0o700, exist_ok=True)
        if ROOT:
            os.chown(folder, owner, 0 if folder == made.work else gid, follow_symlinks=False)
        folder.chmod(mode)
    lock = os.open(made.folder / "lock", os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o440)
    try:
        if ROOT:
            os.fchown(lock, uid, gid)
    finally:
        os.close(lock)
    return made
