"""Files on the disk: homes and group folders, touched as the person who asks.

May live here: folders and files below one root. May not: a protocol, an account, a rule. Every name is opened relative
to its folder and without following a symbolic link, so whatever lies in a folder, nothing outside is reached. A new
file is there as a whole or not at all: it is written without a name, put on stable storage, then given its name.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.daemon.space import Reserve
from appliance.fileshare.acting import Acting, Person
from appliance.fileshare.shares import Place, is_name

UNFINISHED = ".schoolserver-upload-"
"""How the names of unfinished files begin; nobody sees them, the ledger does not count them."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CLOEXEC
_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})
_FILE_MODE, _FOLDER_MODE = 0o660, 0o770
_BLOCK = 1024 * 1024
MOST_ENTRIES = 10_000
"""Of one folder: whoever lists it holds up all others of the worker meanwhile, half a second for so many."""


class Account(Protocol):
    """The account of bytes: whoever owns a file pays for it (K11). :class:`appliance.usage.delta.Delta` is one."""

    def add(self, uid: int, amount: int) -> None:
        """Note that ``uid`` has ``amount`` bytes more, or less."""
        ...


class TooLarge(Exception):
    """The file has grown beyond what is allowed; nothing of it is kept. ``size`` is what it would have, at least."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Store:
    """The folders ``homes`` and ``groups`` below ``root``. All methods may raise ``OSError``.

    No file is begun or goes on that would go into the ``reserve``; without one the disk may fill.
    """

    def __init__(self, root: Path, acting: Acting, account: Account, reserve: Reserve | None = None) -> None:
        self.reserve = reserve or Reserve(root, 0)
        self._root = root
        self._acting = acting
        self._account = account

    def entries(self, person: Person, place: Place) -> dict[str, os.stat_result]:
        """Give what is in a folder, by name; unfinished files and names that cannot be shown are left out.

        Of a folder that others have filled beyond ``MOST_ENTRIES`` so many are given; when these are gone, the next.
        """
        with self._acting.as_person(person), self._opened(place, place.parts) as folder, os.scandir(folder) as all_:
            found = itertools.islice(all_, MOST_ENTRIES)
            return {entry.name: entry.stat(follow_symlinks=False) for entry in found if _shown(entry.name)}

    def status(self, person: Person, place: Place) -> os.stat_result:
        """Give what the system knows about a file or folder; of a symbolic link itself."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def read(self, person: Person, place: Place) -> int:
        """Open a regular file for reading and give its descriptor."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            file = os.open(name, _READ, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            return file

    def upload(self, person: Person, place: Place, keep: int, largest: int) -> Upload:
        """Begin a file of at most ``largest`` bytes, the first ``keep`` of which are those of the present one."""
        self.reserve.claim(0)
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            try:
                if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            except FileNotFoundError:
                _require_room(folder)
            bounds = Bounds(largest, self.reserve)
            upload = Upload(self._acting, self._account, person, (os.dup(folder), name), bounds)
        try:
            with self._acting.as_person(person):
                upload.copy(keep)
        except BaseException:
            upload.close()
            raise
        return upload

    def make_folder(self, person: Person, place: Place) -> None:
        """Make a folder."""
        self.reserve.claim(0)
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            _require_room(folder)
            os.mkdir(name, _FOLDER_MODE, dir_fd=folder)

    def remove_folder(self, person: Person, place: Place) -> None:
        """Remove an empty folder."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def remove_file(self, person: Person, place: Place) -> None:
        """Remove a file, or a symbolic link itself."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            gone = _counted(name, folder)
            os.unlink(name, dir_fd=folder)
        self._pay_back(gone)

    def rename(self, person: Person, source: Place, target: Place) -> None:
        """Move a file or folder; a file in its way is replaced.

        Into another share only one's own files go, and there they belong to its members: a folder's content could not
        be given over in one step. A folder goes nowhere where its content would be out of reach.
        """
        with (
            self._acting.as_person(person),
            self._parent(source) as (old_folder, old_name),
            self._parent(target) as (new_folder, new_name),
        ):
            if (source.area, source.name) != (target.area, target.name):
                _hand_over(old_name, old_folder, os.fstat(new_folder).st_gid)
            if not os.path.sameopenfile(old_folder, new_folder):
                _require_room(new_folder)
            if any(new < old for new, old in zip(target.room, source.room, strict=True)):
                _require_reach(old_name, old_folder, target.room, itertools.count(1))
            gone = _counted(new_name, new_folder)
            os.rename(old_name, new_name, src_dir_fd=old_folder, dst_dir_fd=new_folder)
        self._pay_back(gone)

    def set_time(self, person: Person, place: Place, seconds: float) -> None:
        """Set when a file was last changed."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            os.utime(name, (seconds, seconds), dir_fd=folder, follow_symlinks=False)

    def _pay_back(self, gone: tuple[int, int] | None) -> None:
        if gone is not None:
            self._account.add(gone[0], -gone[1])

    @contextlib.contextmanager
    def _parent(self, place: Place) -> Iterator[tuple[int, str]]:
        """Open the folder that holds ``place`` and give it with the name therein; of a share itself ``.``."""
        if place.parts and not _shown(place.parts[-1]):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        with self._opened(place, place.parts[:-1]) as folder:
            yield folder, place.parts[-1] if place.parts else "."

    @contextlib.contextmanager
    def _opened(self, place: Place, parts: tuple[str, ...]) -> Iterator[int]:
        folder = os.open(self._root / place.area / place.name, _FOLDER)
        try:
            for part in parts:
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What ends an upload: more than ``largest`` bytes in it, or fewer than those of ``reserve`` left on the disk."""

    largest: int
    reserve: Reserve


class Upload:
    """A file that ``person`` writes, to become ``place``: the folder's descriptor, which it owns, and the name."""

    def __init__(
        self, acting: Acting, account: Account, person: Person, place: tuple[int, str], bounds: Bounds
    ) -> None:
        self._acting = acting
        self._account = account
        self._person = person
        self._folder, self.name = place
        self._bounds = bounds
        self._draft: str | None = None
        self.size = 0
        self.closed = False
        try:
            self._file = self._open()
        except BaseException:
            os.close(self._folder)
            raise

    def copy(self, count: int) -> None:
        """Begin with the first ``count`` bytes of the present file. Raises ``EINVAL`` if it has not so many."""
        if count == 0:
            return
        present = os.open(self.name, _READ, dir_fd=self._folder)
        try:
            if os.fstat(present).st_size < count:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            while self.size < count and (block := os.read(present, min(_BLOCK, count - self.size))):
                self.write(block)
        finally:
            os.close(present)

    def write(self, data: bytes | memoryview) -> None:
        """Add ``data``. Raises :class:`TooLarge` or ``OSError``; the caller then closes it."""
        if self.size + len(data) > self._bounds.largest:
            raise TooLarge(self.size + len(data))
        self._bounds.reserve.claim(len(data))
        view = memoryview(data)
        while view:
            written = os.write(self._file, view)
            self.size += written
            view = view[written:]

    def finish(self) -> None:
        """Put the file in its place, on stable storage, instead of what was there. Raises ``OSError``."""
        try:
            os.fsync(self._file)
            with self._acting.as_person(self._person):
                if self._draft is None:
                    draft = UNFINISHED + secrets.token_hex(8)
                    os.link(f"/proc/self/fd/{self._file}", draft, dst_dir_fd=self._folder, follow_symlinks=True)
                    self._draft = draft
                gone = _counted(self.name, self._folder)
                os.rename(self._draft, self.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
                self._draft = None
                os.fsync(self._folder)
            if gone is not None:
                self._account.add(gone[0], -gone[1])
            self._account.add(os.fstat(self._file).st_uid, self.size)
        finally:
            self.close()

    def close(self) -> None:
        """Forget the file unless it is finished. May be called more than once."""
        if self.closed:
            return
        self.closed = True
        os.close(self._file)
        if self._draft is not None:
            with contextlib.suppress(OSError), self._acting.as_person(self._person):
                os.unlink(self._draft, dir_fd=self._folder)
        os.close(self._folder)

    def _open(self) -> int:
        """Open a file without a name, which a crash takes away; where the disk knows none, one with a hidden name."""
        try:
            return os.open(".", _WRITE | os.O_TMPFILE, _FILE_MODE, dir_fd=self._folder)
        except OSError as error:
            if error.errno not in _NO_NAMELESS:
                raise
        draft = UNFINISHED + secrets.token_hex(8)
        file = os.open(draft, _WRITE | _NEW, _FILE_MODE, dir_fd=self._folder)
        self._draft = draft
        return file


def _shown(name: str) -> bool:
    return is_name(name) and not name.startswith(UNFINISHED)


def _require_room(folder: int) -> None:
    """Raise ``EMLINK`` when there is no room for one more in ``folder``."""
    if os.fstat(folder).st_size < MOST_ENTRIES:  # an entry takes more than a byte wherever sizes mean anything
        return
    with os.scandir(folder) as entries:
        if sum(1 for _ in itertools.islice(entries, MOST_ENTRIES)) == MOST_ENTRIES:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))


def _require_reach(name: str, folder: int, room: tuple[int, int], seen: Iterator[int]) -> None:
    """Raise ``ENAMETOOLONG`` when paths below ``name`` are longer than ``room``, ``EMLINK`` when there are many."""
    try:
        inner = os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENOENT):
            return
        raise
    try:
        with os.scandir(inner) as entries:
            for entry in entries:
                left = room[0] - 1, room[1] - len(os.fsencode(entry.name)) - 1
                if min(left) < 0:
                    raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
                if next(seen) > 10 * MOST_ENTRIES:
                    raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
                if entry.is_dir(follow_symlinks=False):
                    _require_reach(entry.name, inner, left, seen)
    finally:
        os.close(inner)


def _counted(name: str, folder: int) -> tuple[int, int] | None:
    """Give owner and bytes that end when ``name`` is removed; ``None`` if none do."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return (found.st_uid, found.st_size) if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 else None


def _hand_over(name: str, folder: int, gid: int) -> None:
    """Let a file belong to the group ``gid``. Raises ``EXDEV`` for what is no file."""
    file = os.open(name, _READ, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        os.fchown(file, -1, gid)
        os.fchmod(file, _FILE_MODE)
    finally:
        os.close(file)
