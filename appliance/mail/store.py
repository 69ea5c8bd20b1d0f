"""Mail on the disk: Maildirs as Dovecot reads them, one folder per login.

May live here: files and folders below one root. May not: a protocol, an account, a rule. Everything here waits for the
disk and belongs into a thread. A message is in a mailbox when :meth:`Draft.deliver` returns, whatever happens
afterwards: file and folder are on stable storage by then. After an error there is nothing of it left.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from appliance.daemon.space import Reserve

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")


class StoreFailed(Exception):
    """The disk did not take a message, which may be tried again; the cause is for the carer."""


class StoreFull(StoreFailed):
    """There is no room for it."""


class Store:
    """The mailboxes below ``root``, one folder ``LOGIN`` each. ``host`` makes file names unique among machines.

    Nothing is begun or goes on that would go into the ``reserve``; without one the disk may fill.
    """

    def __init__(self, root: Path, host: str, reserve: Reserve | None = None) -> None:
        self.reserve = reserve or Reserve(root, 0)
        self._root = root
        self._host = re.sub(r"[^A-Za-z0-9.-]", "-", host) or "localhost"
        self._numbers = itertools.count(1)
        self._safe: set[str] = set()

    def draft(self, logins: Sequence[str]) -> Draft:
        """Begin a message for the mailboxes ``logins`` (at least one), making those that are missing.

        Raise :class:`StoreFailed`.
        """
        with _reported():
            self.reserve.claim(0)
            boxes = [self._box(login) for login in dict.fromkeys(logins)]
            seconds, micros = divmod(time.time_ns() // 1000, 1_000_000)
            name = f"{seconds}.M{micros}P{os.getpid()}Q{next(self._numbers)}.{self._host}"
            return Draft(boxes, name, self.reserve)

    def _box(self, login: str) -> Path:
        if not _LOGIN.match(login):
            raise ValueError("not the name of a mailbox")
        box = self._root / login
        if login not in self._safe or not (box / "new").is_dir():
            for folder in (box, box / "cur", box / "tmp", box / "new"):
                folder.mkdir(mode=0o700, exist_ok=True)
            _sync(box)
            _sync(self._root)
            self._safe.add(login)
        return box


class Draft:
    """A message being written, in the ``tmp`` of its first mailbox: Dovecot clears away there what a crash left."""

    def __init__(self, boxes: Sequence[Path], name: str, reserve: Reserve) -> None:
        self._reserve = reserve
        self._boxes = boxes
        self._name = name
        self._path = boxes[0] / "tmp" / name
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size = 0

    def write(self, data: bytes) -> None:
        """Add ``data``. Raise :class:`StoreFailed`; the draft is gone then."""
        try:
            with _reported():
                self._reserve.claim(len(data))
                view = memoryview(data)
                while view:
                    written = os.write(self._file, view)
                    self._size += written
                    view = view[written:]
        except BaseException:
            self.discard()
            raise

    def deliver(self) -> int:
        """Put the message into every mailbox and give its size in bytes. Raise :class:`StoreFailed`.

        Nothing is left after an error. It is one file with a link in each mailbox; ``,S=`` and ``,W=`` tell Dovecot its
        size without opening it (lines end with CRLF, so both are the same).
        """
        placed: list[Path] = []
        try:
            with _reported():
                os.fsync(self._file)
                name = f"{self._name},S={self._size},W={self._size}"
                for box in self._boxes:
                    path = box / "new" / name
                    os.link(self._path, path)
                    placed.append(path)
                for box in self._boxes:
                    _sync(box / "new")
        except BaseException:
            for path in placed:
                path.unlink(missing_ok=True)
            self.discard()
            raise
        self.discard()
        return self._size

    def discard(self) -> None:
        """Forget the draft; what is delivered stays. May be called more than once."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """Turn an error of the disk into one of ours, without the name of a file: that is a login."""
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in _FULL else StoreFailed
        raise kind(f"{os.strerror(error.errno or 0)} while storing a message") from error
