"""Counting what lies on the disk: every mailbox, home and group folder, by whose it is.

May live here: walking by directory descriptor, never through a symbolic link. May not: the ledger (``ledger``), any
name of a file in a result. It reads nothing but sizes and takes no lock: what changes meanwhile is sorted out by who
asked (``reconcile``).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

UNFINISHED: Final = ".schoolserver-upload-"
"""How the name of a file begins that a service has not finished; it is nobody's yet."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SIZE = re.compile(r",S=(\d{1,15})(?:,|:|\Z)", re.ASCII)
_MAILS = ("new", "cur")


@dataclass(frozen=True, slots=True)
class Found:
    """Bytes: of mail by login, of files by the owner's id, and of a home's files that are no account's, by login."""

    mail: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[int, int] = field(default_factory=dict)
    homes: Mapping[str, int] = field(default_factory=dict)


def scan(data: Path, ids: range, logins: Collection[str], groups: bool) -> Found:
    """Count the mailboxes and homes of ``logins`` below ``data``, and all ``groups``; ``ids`` are those of accounts.

    A file counts with its length to its owner wherever it lies; one in a home whose owner is no account counts to the
    home's. What has gone meanwhile is left out; any other ``OSError`` is raised, for a count that lacks something is
    wrong. Large schools are counted in several calls.
    """
    mail: Counter[str] = Counter()
    files: Counter[int] = Counter()
    homes: Counter[str] = Counter()
    for login, box in _folders(data / "mail", logins):
        mail[login] += _mailbox(box)
    for login, home in _folders(data / "homes", logins):
        for owner, size in _files(home):
            if owner in ids:
                files[owner] += size
            else:
                homes[login] += size
    for _, group in _folders(data / "groups", None) if groups else ():
        for owner, size in _files(group):
            if owner in ids:
                files[owner] += size
    return Found(mail, files, homes)


def mailbox(path: Path) -> int:
    """Give the bytes of the mails in the mailbox (Maildir++) at ``path``, 0 if there is none; raises ``OSError``."""
    try:
        box = os.open(path, _FOLDER)
    except FileNotFoundError:
        return 0
    try:
        return _mailbox(box)
    finally:
        os.close(box)


def _folders(parent: Path, names: Collection[str] | None) -> Iterator[tuple[str, int]]:
    """Open each folder in ``parent``, or those called ``names``; hidden ones are nobody's."""
    with contextlib.suppress(FileNotFoundError), _opened(os.open(parent, _FOLDER)) as folder:
        for name in _names(folder) if names is None else sorted(names):
            inner = None if name.startswith(".") or "/" in name else _enter(name, folder)
            if inner is not None:
                with _opened(inner):
                    yield name, inner


def _mailbox(box: int) -> int:
    """Add up the inbox and the folders beside it; sizes stand in the names (``,S=``) and need no look at the file."""
    total = _mails(box)
    for name in _names(box):
        if name.startswith("."):
            inner = _enter(name, box)
            if inner is not None:
                with _opened(inner):
                    total += _mails(inner)
    return total


def _mails(box: int) -> int:
    total = 0
    for name in _MAILS:
        folder = _enter(name, box)
        if folder is None:
            continue
        with _opened(folder), os.scandir(folder) as entries:
            for entry in entries:
                found = _SIZE.search(entry.name)
                total += int(found[1]) if found else _length(entry)
    return total


def _files(top: int) -> Iterator[tuple[int, int]]:
    """Give owner and length of every file below ``top`` on its file system, however deep, with few open at once."""
    device = os.fstat(top).st_dev
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        path = waiting.pop()
        folder = _descend(path, top)
        if folder is None:
            continue
        with _opened(folder):
            if os.fstat(folder).st_dev != device:
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((*path, entry.name))
                    elif entry.is_file(follow_symlinks=False) and not entry.name.startswith(UNFINISHED):
                        with contextlib.suppress(FileNotFoundError):
                            found = entry.stat(follow_symlinks=False)
                            yield found.st_uid, found.st_size


def _descend(path: tuple[str, ...], top: int) -> int | None:
    """Open the folder ``path`` below ``top`` name by name; ``None``: it is no more."""
    folder = os.dup(top)
    for name in path:
        inner = _enter(name, folder)
        os.close(folder)
        if inner is None:
            return None
        folder = inner
    return folder


def _enter(name: str, folder: int) -> int | None:
    """Open the folder ``name`` of ``folder``; ``None``: it is not there or something else."""
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a symbolic link
            return None
        raise


def _length(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
