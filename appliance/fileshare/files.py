"""What pyftpdlib asks of a file system, answered by our folders and store.

May live here: from a path to a place, and pyftpdlib's names for operations. May not: how the disk is touched
(``store``), what is allowed (``session``).
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pyftpdlib.filesystems import AbstractedFS

from appliance.fileshare.acting import Person
from appliance.fileshare.shares import Hall, NoSuchPlace, Place, Shares, locate
from appliance.fileshare.store import Store, Upload

_HALL = os.stat_result((stat.S_IFDIR | 0o550, 0, 0, 1, 0, 0, 0, 0, 0, 0))
_WRITES = stat.S_IWUSR | stat.S_IWGRP


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
        self.listdir(path)
        self.cwd = path

    def listdir(self, path: str) -> list[str]:
        """Give the names in a folder, sorted."""
        return sorted(self._entries(path))

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

    def format_list(self, basedir: str, listing: list[str], ignore_err: bool = True) -> Iterator[bytes]:
        """Give the lines of LIST."""
        return self._formatted(super().format_list, basedir, listing, ignore_err=ignore_err)

    def format_mlsx(
        self, basedir: str, listing: list[str], perms: str, facts: list[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        """Give the lines of MLSD and MLST (RFC 3659, 7)."""
        return self._formatted(super().format_mlsx, basedir, listing, perms, facts, ignore_err=ignore_err)

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

    def upload(self, path: str, keep: int, largest: int) -> Upload:
        """Begin a file of at most ``largest`` bytes with the first ``keep`` of the present one."""
        person, place = self._changeable(path)
        return self._store.upload(person, place, keep, largest)

    def own_size(self, path: str) -> int:
        """Give the size of the present file, 0 if there is none or somebody else pays for it."""
        try:
            found = self.stat(path)
        except OSError:
            return 0
        return found.st_size if found.st_uid == self._here()[0].uid and stat.S_ISREG(found.st_mode) else 0

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

    def _entries(self, path: str) -> Mapping[str, os.stat_result]:
        person, place = self._find(path)
        if isinstance(place, Hall):
            return {name: self._top(posixpath.join(path, name)) for name in place.names}
        return self._store.entries(person, place)

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

    def _formatted(
        self, form: Callable[..., Iterator[bytes]], basedir: str, listing: list[str], *more: Any, **options: Any
    ) -> Iterator[bytes]:
        """Ask the disk once for the whole folder, not once for each file."""
        if len(listing) != 1:
            found = self._entries(basedir)
            self._known = {posixpath.join(basedir, name): status for name, status in found.items()}
        try:
            return iter(list(form(basedir, listing, *more, **options)))
        finally:
            self._known = {}
