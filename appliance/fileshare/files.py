"""What pyftpdlib asks of a file system, answered by our folders and store.

May live here: from a path to a place, and pyftpdlib's names for operations. May not: how the disk is touched
(``store``), what is allowed (``session``).
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Mapping
from typing import Any

from pyftpdlib.filesystems import AbstractedFS

from appliance.fileshare.acting import Person
from appliance.fileshare.listing import Pieces
from appliance.fileshare.shares import Hall, NoSuchPlace, Place, Shares, locate
from appliance.fileshare.store import Store
from appliance.fileshare.upload import Room, Upload
from appliance.usage.weight import weight

_HALL = os.stat_result((stat.S_IFDIR | 0o550, 0, 0, 1, 0, 0, 0, 0, 0, 0))


class Files(AbstractedFS):
    """The folders of whom ``here()`` names, now. Paths are those of the client; all methods may raise ``OSError``."""

    def __init__(self, cmd_channel: Any, store: Store, here: Callable[[], tuple[Person, Shares]]) -> None:
        super().__init__("/", cmd_channel)
        self._store = store
        self._here = here
        self._known: Mapping[str, os.stat_result] = {}

    # paths: what is outside does not exist, so there is nothing to translate or to forbid

    def ftp2fs(self, ftppath: str) -> str:
        """Give the absolute path."""
        return str(self.ftpnorm(ftppath))

    def fs2ftp(self, fspath: str) -> str:
        """Give the path as it is."""
        return fspath

    def validpath(self, path: str) -> bool:  # noqa: ARG002 - pyftpdlib's shape
        """Allow every path."""
        return True

    def realpath(self, path: str) -> str:
        """Give the path as it is: links are not followed."""
        return path

    # looking

    def chdir(self, path: str) -> None:
        """Go to a folder."""
        if not stat.S_ISDIR(self.stat(path).st_mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        self.look(path)[1].close()
        self.cwd = path

    def look(self, path: str) -> tuple[str, Pieces]:
        """Begin to look at what is in a folder, or at one file: the folder's path, and what is to be seen of it."""
        if not stat.S_ISDIR(self.stat(path).st_mode):
            folder, name = posixpath.split(path)
            return folder, _Some({name: self.stat(path)})
        person, place = self._find(path)
        if isinstance(place, Hall):
            return path, _Some({name: self._top(posixpath.join(path, name)) for name in sorted(place.names)})
        return path, self._store.listing(person, place)

    def lines(self, folder: str, found: Mapping[str, os.stat_result]) -> bytes:
        """Give the lines of LIST for what was found in ``folder``."""
        return self._formed(super().format_list, folder, found)

    def facts(self, folder: str, found: Mapping[str, os.stat_result], perms: str, facts: list[str]) -> bytes:
        """Give the lines of MLSD (RFC 3659, 7) for what was found in ``folder``."""
        return self._formed(super().format_mlsx, folder, found, perms, facts)

    def rest_size(self, path: str) -> int:
        """Give the size of what is left of one's broken upload of a file that is not there; 0 if nothing is."""
        if self.lexists(path):
            return 0
        try:
            return self._store.rest(*self._changeable(path))
        except OSError:
            return 0

    def stat(self, path: str) -> os.stat_result:
        """Give what the system knows about it."""
        if path in self._known:
            return self._known[path]
        person, place = self._find(path)
        if isinstance(place, Hall):
            return _HALL
        return self._store.status(person, place)

    lstat = stat

    def readlink(self, path: str) -> str:  # noqa: ARG002 - pyftpdlib's shape
        """Tell nobody where a link leads."""
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def isfile(self, path: str) -> bool:
        """Whether it is a file."""
        return self._is(path, stat.S_ISREG)

    def isdir(self, path: str) -> bool:
        """Whether it is a folder."""
        return self._is(path, stat.S_ISDIR)

    def islink(self, path: str) -> bool:
        """Whether it is a symbolic link."""
        return self._is(path, stat.S_ISLNK)

    def lexists(self, path: str) -> bool:
        """Whether there is anything."""
        return self._is(path, lambda _mode: True)

    def getsize(self, path: str) -> int:
        """Give the size in bytes."""
        return self.stat(path).st_size

    def getmtime(self, path: str) -> float:
        """Give when it was last changed, in seconds since 1970."""
        return self.stat(path).st_mtime

    def get_user_by_uid(self, uid: int) -> str:
        """Show the number: the machine's own users are nobody's business, and the directory may be slow."""
        return str(uid)

    get_group_by_gid = get_user_by_uid

    # changing

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        self._store.make_folder(*self._changeable(path))

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        self._store.remove_folder(*self._changeable(path))

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._store.remove_file(*self._changeable(path))

    def rename(self, src: str, dst: str) -> None:
        """Move a file or folder."""
        person, source = self._changeable(src)
        self._store.rename(person, source, self._changeable(dst)[1])

    def utime(self, path: str, timeval: float) -> None:
        """Set when it was last changed."""
        person, place = self._changeable(path)
        self._store.set_time(person, place, timeval)

    def read(self, path: str) -> int:
        """Open a file for reading and give its descriptor."""
        person, place = self._find(path)
        if isinstance(place, Hall):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        return self._store.read(person, place)

    def upload(self, path: str, keep: int, largest: int, room: Room) -> Upload:
        """Begin a file of at most ``largest`` bytes with the first ``keep`` of the present one."""
        person, place = self._changeable(path)
        return self._store.upload(person, place, keep, largest, room)

    def writer(self, path: str) -> Person:
        """Give who it is now that may put a file at ``path``; ``FileNotFoundError`` when the share is his no more."""
        return self._changeable(path)[0]

    def own_size(self, path: str) -> int:
        """Give what the present file or its rest weighs, 0 if there is none or its bytes stay when it is replaced.

        They stay where somebody else pays for it, and where it has another name.
        """
        try:
            found = self.stat(path)
        except OSError:
            rest = self.rest_size(path)
            return weight(rest) if rest else 0
        own = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == self._here()[0].uid
        return weight(found.st_size) if own else 0

    def _find(self, path: str) -> tuple[Person, Hall | Place]:
        person, shares = self._here()
        try:
            return person, locate(shares, path)
        except NoSuchPlace:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None

    def _changeable(self, path: str) -> tuple[Person, Place]:
        """Find what may be made, changed or removed: not the shares themselves."""
        person, place = self._find(path)
        if isinstance(place, Hall) or not place.parts:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return person, place

    def _top(self, path: str) -> os.stat_result:
        try:
            return self.stat(path)
        except OSError:
            return _HALL  # its folder is not made yet

    def _is(self, path: str, kind: Callable[[int], bool]) -> bool:
        try:
            return kind(self.stat(path).st_mode)
        except OSError:
            return False

    def _formed(self, form: Callable[..., Any], folder: str, found: Mapping[str, os.stat_result], *more: Any) -> bytes:
        """Let pyftpdlib form lines of what is known already."""
        self._known = {posixpath.join(folder, name): status for name, status in found.items()}
        try:
            return b"".join(form(folder, list(found), *more))
        finally:
            self._known = {}


class _Some:
    """Entries that are all known, as :class:`.listing.Pieces`."""

    def __init__(self, found: Mapping[str, os.stat_result]) -> None:
        self._found: Mapping[str, os.stat_result] | None = found

    def piece(self) -> Mapping[str, os.stat_result] | None:
        found, self._found = self._found, None
        return found

    def close(self) -> None:
        self._found = None
