"""What lies in a unit at this moment: every path in it, and a stamp that changes when anything about the file does.

May live here: going through folders by descriptor, as fast as it can be done, for each night every file is looked at.
May not: reading a file, or what becomes of what was found. No symbolic link is followed; what goes away meanwhile is
left out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from appliance.backup_server.manifest import escaped
from appliance.daemon.descriptors import FOLDER
from appliance.daemon.walking import GONE

STAMP: Final = struct.Struct("<QqQqIII")
"""Inode, change time, modification time (both in ns), size, mode, owner, group.

Anybody sets a modification time as he likes, also one that 64 bits do not hold: what they hold of it is kept.

The number of the device is not among them: a disk has another one after a restart, and all would be read again.
"""

_BITS: Final = (1 << 64) - 1
_KIND: Final = 0o170000
_FOLDER: Final = 0o040000
_DEEPEST: Final = 256
_LONGEST: Final = 3500  # of a folder; with what is before and behind it, rsync knows no path of more than 4096 bytes
_MOST: Final = 900_000
"""Entries of a unit that are looked at: a section may have no more than a million lines."""
_MOST_BYTES: Final = 240 * 1024 * 1024
"""Bytes of all their lines: a section may have no more than 256 MiB."""
_OF_A_LINE: Final = 192  # bytes that it has beside the path, at most


@dataclass(frozen=True, slots=True)
class Without:
    """What is under way in a part and belongs into no backup: by how a name begins, anywhere or at the unit's top.

    ``barren`` says of a folder's path below the unit that its entries are left out.
    """

    anywhere: tuple[str, ...] = ()
    at_top: tuple[str, ...] = ()
    barren: Callable[[bytes], bool] | None = None


NOTHING: Final = Without()


@dataclass(slots=True)
class Scanned:
    """A unit: ``paths`` below it (bytes, ``.`` first, else in no order) with the ``stamps`` of each.

    ``left_out``: paths of folders that could not be looked into, each with the number of the system's error;
    ``ENAMETOOLONG`` for one that lies too deep, ``EMFILE`` for one that is one too many.
    """

    paths: list[bytes] = field(default_factory=list)
    stamps: list[bytes] = field(default_factory=list)
    left_out: dict[bytes, int] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """32 bytes that are the same as long as nothing in the unit changed."""
        content = hashlib.blake2b(b"\n".join(self.paths), digest_size=32)
        content.update(b"".join(self.stamps))
        return content.digest()


def scan(unit: int, without: Without) -> Scanned:
    """Look through the open folder ``unit``, which stays open; raises ``OSError`` if it cannot be read at all."""
    found = Scanned([b"."], [stamp(os.fstat(unit))])
    _Scan(found, without).run(unit)
    return found


def stamp(status: os.stat_result) -> bytes:
    """Give the stamp of what has this ``status``."""
    return STAMP.pack(
        status.st_ino,
        status.st_ctime_ns,
        status.st_mtime_ns & _BITS,
        status.st_size,
        status.st_mode,
        status.st_uid,
        status.st_gid,
    )


def changed_at(of: bytes) -> int:
    """The change time in a stamp, in ns since 1970."""
    moment: int = STAMP.unpack(of)[1]
    return moment


@dataclass(slots=True)
class _Level:
    """An open folder on the way: its path with a slash at the end, and names of folders still to be entered."""

    folder: int
    path: bytes
    waiting: list[str]


class _Scan:
    def __init__(self, found: Scanned, without: Without) -> None:
        self._found = found
        self._without = without
        self._levels: list[_Level] = []
        self._bytes = 0

    def run(self, unit: int) -> None:
        try:
            self._look(os.dup(unit), b"")
            while self._levels:
                level = self._levels[-1]
                if level.waiting:
                    self._enter(level, level.waiting.pop())
                else:
                    os.close(self._levels.pop().folder)
        finally:
            for level in self._levels:
                os.close(level.folder)

    def _enter(self, level: _Level, name: str) -> None:
        path = level.path + os.fsencode(name)
        barren = self._without.barren
        if barren is not None and barren(path):
            return
        if len(self._levels) >= _DEEPEST or len(path) > _LONGEST:
            self._found.left_out[path] = errno.ENAMETOOLONG
            return
        try:
            self._look(os.open(name, FOLDER, dir_fd=level.folder), path + b"/")
        except OSError as error:
            if error.errno not in GONE:
                self._found.left_out[path] = error.errno or errno.EIO

    def _look(self, folder: int, path: bytes) -> None:
        level = _Level(folder, path, [])
        self._levels.append(level)
        before = len(self._found.paths)
        pack, put_path, put_stamp = STAMP.pack, self._found.paths.append, self._found.stamps.append
        skipped = self._without.anywhere if path else self._without.anywhere + self._without.at_top
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if skipped and name.startswith(skipped):
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError as error:
                    if error.errno not in GONE:
                        self._found.left_out[path + os.fsencode(name)] = error.errno or errno.EIO
                    continue
                mode = found.st_mode
                put_path(path + name.encode("utf-8", "surrogateescape"))
                put_stamp(
                    pack(
                        found.st_ino,
                        found.st_ctime_ns,
                        found.st_mtime_ns & _BITS,
                        found.st_size,
                        mode,
                        found.st_uid,
                        found.st_gid,
                    )
                )
                if mode & _KIND == _FOLDER:
                    level.waiting.append(name)
        self._bound(level, before)

    def _bound(self, level: _Level, before: int) -> None:
        """Leave out what is in the folder ``level`` where it is more than a section has room for."""
        paths = self._found.paths
        inside = b"/".join(paths[before:])
        size = self._bytes + len(escaped(inside)) + _OF_A_LINE * (len(paths) - before)
        if len(paths) <= _MOST and size <= _MOST_BYTES:
            self._bytes = size
        else:
            del paths[before:], self._found.stamps[before:]
            level.waiting.clear()
            self._found.left_out[level.path[:-1] or b"."] = errno.EMFILE
