"""Whole folders: cloning one by hard links, removing one, going into one that somebody else may have built.

May live here: walking by descriptors. May not: what a folder means. No depth of folders matters to any of these: none
holds a descriptor or a stack frame per level.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from appliance.backup_server import store
from appliance.backup_server.copies import Copies, copy_attributes

INTO = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def clone(source: int, target: int) -> int:
    """Link all files below the open folder ``source`` into the empty ``target``; gives how many entries.

    Folders are made anew with their attributes and times, and a file that has as many names as the disk allows. Both
    lie where nobody but the caller writes. Raises OSError.
    """
    copies = Copies(os.getegid())
    waiting = [b"."]
    made = 0
    link, mkdir = os.link, os.mkdir
    while waiting:
        path = waiting.pop()
        here = os.open(path, INTO, dir_fd=source)
        there = os.open(path, INTO, dir_fd=target)
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    name = entry.name
                    made += 1
                    if entry.is_dir(follow_symlinks=False):
                        mkdir(name, store.FOLDER, dir_fd=there)
                        waiting.append(path + b"/" + os.fsencode(name))
                    else:
                        try:
                            link(name, name, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
                        except OSError as error:
                            if error.errno != errno.EMLINK:
                                raise
                            _copied(copies, name, here, there)
            copy_attributes(here, there)
            found = os.fstat(here)
            os.utime(there, ns=(found.st_mtime_ns, found.st_mtime_ns))
        finally:
            os.close(here)
            os.close(there)
    return made


def _copied(copies: Copies, name: str, here: int, there: int) -> None:
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
    try:
        copies.put(source, name, there)
    finally:
        os.close(source)


def names(folder: int) -> list[str]:
    """What is in an open folder; raises OSError."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def remove(folder: int, name: str) -> None:
    """Remove ``name``, whatever it is, from an open folder that only the caller may write; raises OSError.

    Folders come up beside ``name`` before they are emptied, so that none is ever deep.
    """
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        os.unlink(name, dir_fd=folder)
        return
    waiting = [name]
    token = os.urandom(8).hex()
    number = 0
    while waiting:
        doomed = waiting.pop()
        here = os.open(doomed, INTO, dir_fd=folder)
        try:
            if not store.ROOT:
                os.fchmod(here, 0o700)
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        number += 1
                        above = f".{token}-{number}"
                        if not store.ROOT:
                            os.chmod(entry.name, 0o700, dir_fd=here)
                        os.rename(entry.name, above, src_dir_fd=here, dst_dir_fd=folder)
                        waiting.append(above)
                    else:
                        os.unlink(entry.name, dir_fd=here)
        finally:
            os.close(here)
        os.rmdir(doomed, dir_fd=folder)


def enter(folder: int, path: bytes) -> int:
    """Open the folder ``path`` below an open one, following no link; the caller closes it. Raises OSError."""
    here = os.dup(folder)
    for name in path.split(b"/"):
        above = here
        try:
            here = os.open(name, INTO, dir_fd=above)
        finally:
            os.close(above)
    return here


@contextlib.contextmanager
def entered(folder: int, path: bytes) -> Iterator[int | None]:
    """Have it open as by :func:`enter` while inside; None where there is no such folder."""
    try:
        here = enter(folder, path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            raise
        yield None
        return
    try:
        yield here
    finally:
        os.close(here)
