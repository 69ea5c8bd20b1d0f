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
import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, exists, opened
from appliance.daemon.space import Reserve
from appliance.fileshare.acting import Acting, Person
from appliance.fileshare.listing import Listing, is_shown
from appliance.fileshare.rests import counted, rest_of, rest_size
from appliance.fileshare.shares import Place
from appliance.fileshare.turns import alone_in
from appliance.fileshare.upload import Account, Bounds, Room, Upload
from appliance.usage.unfinished import UNFINISHED
from appliance.usage.weight import weight

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE_MODE, _FOLDER_MODE = 0o660, 0o770
_MOST_BELOW = 20_000  # entries of a folder that is moved down: all are looked at meanwhile
_MOST_RESTS = 1_000


class Store:
    """The folders ``homes`` and ``groups`` below ``root``. All methods may raise ``OSError``.

    No file is begun or goes on that would go into the ``reserve``; without one the disk may fill.
    """

    def __init__(self, root: Path, acting: Acting, account: Account, reserve: Reserve | None = None) -> None:
        self.reserve = reserve or Reserve(root, 0)
        self._root = root
        self._acting = acting
        self._account = account

    def listing(self, person: Person, place: Place) -> Listing:
        """Open a folder to see what is in it."""
        with self._acting.as_person(person), self._opened(place, place.parts) as folder:
            return Listing(self._acting, person, os.dup(folder))

    def status(self, person: Person, place: Place) -> os.stat_result:
        """Give what the system knows about a file or folder; of a symbolic link itself."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def read(self, person: Person, place: Place) -> int:
        """Open a regular file for reading and give its descriptor."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            file = os.open(name, _READ, dir_fd=folder)
            try:
                self._require_file(os.fstat(file))
            except OSError:
                os.close(file)
                raise
            return file

    def upload(self, person: Person, place: Place, keep: int, largest: int, room: Room = lambda _more: True) -> Upload:
        """Begin a file of at most ``largest`` bytes with the first ``keep`` of the present one, or of its rest.

        What comes of it is kept when it breaks off only if there is ``room``. Raises :class:`.upload.TooLarge` when
        these are too many.
        """
        self.reserve.claim(0)
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            with contextlib.suppress(FileNotFoundError):
                self._require_file(os.stat(name, dir_fd=folder, follow_symlinks=False))
            bounds = Bounds(largest, self.reserve, room)
            upload = Upload(self._acting, self._account, person, (os.dup(folder), name), bounds)
        try:
            with self._acting.as_person(person):
                upload.begin(keep)
        except BaseException:
            upload.discard()
            raise
        return upload

    def rest(self, person: Person, place: Place) -> int:
        """Give the size of what is left of a broken upload of ``person`` where no file is now."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            return rest_size(name, folder)

    def make_folder(self, person: Person, place: Place) -> None:
        """Make a folder."""
        self.reserve.claim(0)
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            os.mkdir(name, _FOLDER_MODE, dir_fd=folder)
            made = os.stat(name, dir_fd=folder, follow_symlinks=False)
        self._account.add(made.st_uid, weight(0))

    def remove_folder(self, person: Person, place: Place) -> None:
        """Remove an empty folder; one that holds nothing but rests of broken uploads is empty to everybody."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            gone = counted(name, folder)
            try:
                os.rmdir(name, dir_fd=folder)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY or not self._clear(name, folder):
                    raise
                os.rmdir(name, dir_fd=folder)
        self._pay_back(gone)

    def remove_file(self, person: Person, place: Place) -> None:
        """Remove a file, or a symbolic link itself; where none is, the rest of a broken upload of it."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            found = rest_of(name) if not exists(name, folder) and rest_size(name, folder) else name
            with alone_in(folder):
                gone = counted(found, folder)
                os.unlink(found, dir_fd=folder)
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
            if any(new < old for new, old in zip(target.room, source.room, strict=True)):
                _require_reach(old_name, old_folder, target.room, itertools.count(1))
            with alone_in(new_folder):
                same = _are_one((old_name, old_folder), (new_name, new_folder))
                gone = None if same else counted(new_name, new_folder)
                os.rename(old_name, new_name, src_dir_fd=old_folder, dst_dir_fd=new_folder)
        self._pay_back(gone)

    def set_time(self, person: Person, place: Place, seconds: float) -> None:
        """Set when a file was last changed."""
        with self._acting.as_person(person), self._parent(place) as (folder, name):
            self._require_file(os.stat(name, dir_fd=folder, follow_symlinks=False))
            os.utime(name, (seconds, seconds), dir_fd=folder, follow_symlinks=False)

    def _require_file(self, found: os.stat_result) -> None:
        """Raise ``EISDIR`` for what is no file, and ``EACCES`` where nobody tells whose it is.

        A file of several names may be somebody else's; the kernel knows, unless all are one user to it.
        """
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if found.st_nlink > 1 and not self._acting.apart:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    def _clear(self, name: str, folder: int) -> bool:
        """Remove what is in the folder ``name`` if these are rests of uploads only; whether they were."""
        with opened(os.open(name, FOLDER, dir_fd=folder)) as inner:
            with os.scandir(inner) as entries:
                found = [entry.name for entry in itertools.islice(entries, _MOST_RESTS)]
            if not all(one.startswith(UNFINISHED) for one in found):
                return False
            for one in found:
                gone = counted(one, inner)
                os.unlink(one, dir_fd=inner)
                self._pay_back(gone)
        return True

    def _pay_back(self, gone: tuple[int, int] | None) -> None:
        if gone is not None:
            self._account.add(gone[0], -gone[1])

    @contextlib.contextmanager
    def _parent(self, place: Place) -> Iterator[tuple[int, str]]:
        """Open the folder that holds ``place`` and give it with the name therein; of a share itself ``.``."""
        if place.parts and not is_shown(place.parts[-1]):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        with self._opened(place, place.parts[:-1]) as folder:
            yield folder, place.parts[-1] if place.parts else "."

    @contextlib.contextmanager
    def _opened(self, place: Place, parts: tuple[str, ...]) -> Iterator[int]:
        folder = os.open(self._root / place.area / place.name, FOLDER)
        try:
            for part in parts:
                inner = os.open(part, FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


def _are_one(*names: tuple[str, int]) -> bool:
    """Whether these names, each of an open folder, are there and of one file: renaming then takes nothing away."""
    try:
        first, second = (os.stat(name, dir_fd=folder, follow_symlinks=False) for name, folder in names)
    except FileNotFoundError:
        return False
    return os.path.samestat(first, second)


def _require_reach(name: str, folder: int, room: tuple[int, int], seen: Iterator[int]) -> None:
    """Raise ``ENAMETOOLONG`` when paths below ``name`` are longer than ``room``, ``EMLINK`` when there are many."""
    try:
        inner = os.open(name, FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENOENT):
            return
        raise
    with opened(inner), os.scandir(inner) as entries:
        for entry in entries:
            left = room[0] - 1, room[1] - len(os.fsencode(entry.name)) - 1
            if min(left) < 0:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            if next(seen) > _MOST_BELOW:
                raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
            if entry.is_dir(follow_symlinks=False):
                _require_reach(entry.name, inner, left, seen)


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
