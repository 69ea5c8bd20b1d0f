"""Homes on disk (K05, K23): made, and removed with all that is in them, while their owners may be at work in them.

May live here: walking by directory descriptor. May not: a path below the folder of homes, or following a symbolic link.
Each name is opened relative to its folder with O_NOFOLLOW, so whatever an owner swaps while we work, nothing outside
is touched.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from appliance.privileged.folders import FOLDER, MAKING, exists, make_whole, opened

_REMOVED = ".removed-"
_RESTORING = ".restoring-"  # made by the backup, whose process ends with ours


class HomeError(Exception):
    """A home cannot be made or removed; the text says why and what to do, and names nobody."""


class Homes:
    """The folder of homes at ``path``; calls must not overlap. Only root can give a home to somebody else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = os.geteuid() == 0

    def make(self, login: str, uid: int, gid: int) -> bool:
        """Make the home of ``login``, mode 0700, for ``uid`` and ``gid``; whether it was missing.

        One that exists gets its mode and group again. Raises :class:`HomeError` if it belongs to another id (a login
        given to a new person must not open the old one's files), ``OSError`` from the disk.
        """
        if not self._root:
            uid, gid = os.geteuid(), os.getegid()
        with opened(os.open(self._path, FOLDER)) as folder:
            if exists(login, folder):
                self._check(login, folder, uid, gid)
                return False
            make_whole(login, folder, lambda home: _own(home, uid, gid))
            return True

    def remove(self, login: str) -> bool:
        """Remove the home of ``login`` and all that is in it; whether there was one. Raises ``OSError``.

        It is gone under its name at once; :meth:`sweep` finishes what a power cut leaves.
        """
        trash = f"{_REMOVED}{secrets.token_hex(8)}"
        with opened(os.open(self._path, FOLDER)) as folder:
            try:
                os.rename(login, trash, src_dir_fd=folder, dst_dir_fd=folder)
            except FileNotFoundError:
                return False
            os.fsync(folder)
            self._delete(trash, folder)
        return True

    def sweep(self) -> int:
        """Delete what was renamed away, or left half made, before; how many could not be deleted."""
        failed = 0
        with opened(os.open(self._path, FOLDER)) as folder:
            for name in _names(folder):
                if name.startswith((_REMOVED, MAKING, _RESTORING)):
                    try:
                        self._delete(name, folder)
                    except OSError:
                        failed += 1
        return failed

    def _check(self, login: str, folder: int, uid: int, gid: int) -> None:
        home = self._enter(login, folder)
        if home is None:
            raise HomeError("something that is no folder stands in the place of the home; remove it")
        with opened(home):
            if os.fstat(home).st_uid != uid:
                raise HomeError("the home exists and belongs to another id; remove the former account's home first")
            _own(home, uid, gid)

    def _delete(self, name: str, folder: int) -> None:
        """Delete a tree without descending: each folder found is moved up to the top, so depth costs nothing."""
        top = self._enter(name, folder)
        if top is None:
            os.unlink(name, dir_fd=folder)
            return
        with opened(top):
            self._seize(top)
            while names := _names(top):
                for one in names:
                    self._flatten(one, top)
        os.rmdir(name, dir_fd=folder)

    def _flatten(self, name: str, top: int) -> None:
        found = self._enter(name, top)
        if found is None:
            os.unlink(name, dir_fd=top)
            return
        with opened(found):
            self._seize(found)
            for one in _names(found):
                inner = self._enter(one, found)
                if inner is None:
                    os.unlink(one, dir_fd=found)
                    continue
                with opened(inner):
                    self._seize(inner)
                os.rename(one, secrets.token_hex(12), src_dir_fd=found, dst_dir_fd=top)
        os.rmdir(name, dir_fd=top)

    def _enter(self, name: str, folder: int) -> int | None:
        """Open the folder ``name`` of ``folder``; ``None`` if it is something else."""
        try:
            return os.open(name, FOLDER, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                return None
            if self._root or error.errno != errno.EACCES:
                raise
        os.chmod(name, 0o700, dir_fd=folder)  # a folder of our own that is closed even to us
        return os.open(name, FOLDER, dir_fd=folder)

    def _seize(self, opened: int) -> None:
        """Shut the owner out, so that nothing is added; without root just make sure that we may delete."""
        if self._root:
            os.fchown(opened, 0, 0)
        os.fchmod(opened, 0o700)


def _own(home: int, uid: int, gid: int) -> None:
    found = os.fstat(home)
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.fchown(home, uid, gid)
    if stat.S_IMODE(found.st_mode) != 0o700:
        os.fchmod(home, 0o700)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]
