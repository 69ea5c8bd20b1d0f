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
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, opened
from appliance.daemon.walking import Walk
from appliance.usage.weight import weight_of

_SIZE = re.compile(r",S=(\d{1,15})(?:,|:|\Z)", re.ASCII)
_MAILS = ("new", "cur")


@dataclass(frozen=True, slots=True)
class Found:
    """Bytes: of mail by login, of files in group folders by the owner's id, and of homes by login.

    ``deep`` are homes and groups (``homes/LOGIN``) with folders deeper than our services let anybody make.
    """

    mail: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[int, int] = field(default_factory=dict)
    homes: Mapping[str, int] = field(default_factory=dict)
    deep: frozenset[str] = frozenset()


def scan(data: Path, ids: range, logins: Collection[str], groups: Collection[str] | None) -> Found:
    """Count the mailboxes and homes of ``logins`` below ``data``, and ``groups`` (``None``: all).

    ``ids`` are those of accounts. Each file, folder and link counts with its weight (``weight``), and a file once
    however many names it has: in a home to whose home it is, in a group folder to its owner if that is an account. So
    nobody makes another pay by giving that one's files more names. What has gone meanwhile is left out; any other
    ``OSError`` is raised, for a count that lacks something is wrong. Large schools are counted in several calls.
    """
    mail: Counter[str] = Counter()
    files: Counter[int] = Counter()
    homes: Counter[str] = Counter()
    for login, box in _folders(data / "mail", logins):
        mail[login] += _mailbox(box)
    deep: set[str] = set()
    for login, home in _folders(data / "homes", logins):
        for _, size in _weights(home, set(), partial(deep.add, f"homes/{login}")):
            homes[login] += size
    seen: set[int] = set()
    for name, group in _folders(data / "groups", groups):
        for owner, size in _weights(group, seen, partial(deep.add, f"groups/{name}")):
            if owner in ids:
                files[owner] += size
    return Found(mail, files, homes, frozenset(deep))


def mailbox(path: Path) -> int:
    """Give the bytes of the mails in the mailbox (Maildir++) at ``path``, 0 if there is none; raises ``OSError``."""
    try:
        box = os.open(path, FOLDER)
    except FileNotFoundError:
        return 0
    with opened(box):
        return _mailbox(box)


def _folders(parent: Path, names: Collection[str] | None) -> Iterator[tuple[str, int]]:
    """Open each folder in ``parent``, or those called ``names``; hidden ones are nobody's."""
    with contextlib.suppress(FileNotFoundError), opened(os.open(parent, FOLDER)) as folder:
        for name in _names(folder) if names is None else sorted(names):
            inner = None if name.startswith(".") or "/" in name else _enter(name, folder)
            if inner is not None:
                with opened(inner):
                    yield name, inner


def _mailbox(box: int) -> int:
    """Add up the inbox and the folders beside it; sizes stand in the names (``,S=``) and need no look at the file."""
    total = _mails(box)
    for name in _names(box):
        if name.startswith("."):
            inner = _enter(name, box)
            if inner is not None:
                with opened(inner):
                    total += _mails(inner)
    return total


def _mails(box: int) -> int:
    total = 0
    for name in _MAILS:
        folder = _enter(name, box)
        if folder is None:
            continue
        with opened(folder), os.scandir(folder) as entries:
            for entry in entries:
                found = _SIZE.search(entry.name)
                total += int(found[1]) if found else _length(entry)
    return total


def _weights(top: int, seen: set[int], deep: Callable[[], None]) -> Iterator[tuple[int, int]]:
    """Give owner and weight of all below ``top`` on its file system; ``deep()`` is called if some of it is too deep.

    ``seen`` are those (inodes) of several names that were given before.
    """
    walk, told = Walk(top), False
    for folder, entry in walk:
        if entry is None:
            if walk.too_deep and not told:
                told = True
                deep()
            if walk.depth:
                yield walk.found.st_uid, weight_of(walk.found, ".", folder)
            continue
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if found.st_nlink > 1:
            if found.st_ino in seen:
                continue
            seen.add(found.st_ino)
        yield found.st_uid, weight_of(found, entry.name, folder)


def _enter(name: str, folder: int) -> int | None:
    """Open the folder ``name`` of ``folder``; ``None``: it is not there or something else."""
    try:
        return os.open(name, FOLDER, dir_fd=folder)
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
