"""Mail on the disk: Maildirs as Dovecot reads them, one folder per login, and the spool of what goes outside.

May live here: files and folders below one root. May not: a protocol, an account, a rule, who waits for whom
(``commits``). What was placed is on stable storage, file and name, when :meth:`Store.place` returns; of what was not
nothing is left. That takes time and belongs into a thread.

Messages that are placed together share their flushes: all are on their way to the disk before the first is waited for,
and each folder is flushed once. On ext4 that makes two commits of its journal, one for the files and one for their
names, however many there are.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from appliance.daemon.space import Reserve
from appliance.daemon.whole_file import sync_folder
from appliance.mail.draft import Draft, Mark, StoreFailed, reported

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_SPOOL = ".spool"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A ``draft`` for the mailboxes of ``logins``, each once, or (``None``) for the spool."""

    draft: Draft
    logins: tuple[str, ...] | None


@dataclass(slots=True)
class _Message:
    """What came of the ``parcels`` of one message so far; ``folders`` must be flushed for it."""

    parcels: Sequence[Parcel]
    folders: dict[str, None] = field(default_factory=dict)
    failed: StoreFailed | None = None


class Store:
    """The mailboxes below ``root``, one folder ``LOGIN`` each. ``host`` makes file names unique among machines.

    Nothing is begun or goes on that would go into the ``reserve``; without one the disk may fill.
    """

    def __init__(self, root: Path, host: str, reserve: Reserve | None = None) -> None:
        self.reserve = reserve or Reserve(root, 0)
        self._root = str(root)
        self._host = re.sub(r"[^A-Za-z0-9.-]", "-", host) or "localhost"
        self._numbers = itertools.count(1)
        self._safe: set[str] = set()

    def draft(self, mark: Mark | None = None) -> Draft:
        """Begin a file, whose first line is to be ``mark``; nothing of it is anywhere yet."""
        return Draft(self._root, self.reserve, mark)

    def place(self, parcels: Sequence[Parcel]) -> None:
        """Put a message where it belongs, everywhere or nowhere. Raise :class:`StoreFailed`."""
        (failed,) = self.place_all([parcels])
        if failed is not None:
            raise failed

    def place_all(self, messages: Sequence[Sequence[Parcel]]) -> list[StoreFailed | None]:
        """Do the same with several messages, which share their flushes; give what each of them failed of."""
        batch = [_Message(parcels) for parcels in messages]
        flushed: dict[str, StoreFailed | None] = {}

        def flush(message: _Message) -> None:
            for folder in message.folders:
                if folder not in flushed:
                    flushed[folder] = _failure_of(sync_folder, folder)
                if (error := flushed[folder]) is not None:
                    raise error

        whole = False
        try:
            for step in (_finish, _start, _flush, self._name, flush):
                # Once the last of them is on the disk, those before it are: then one commit takes all.
                for message in reversed(batch) if step is _flush else batch:
                    if message.failed is None:
                        message.failed = _failure_of(step, message)
            whole = True
        finally:
            for message in batch:
                for parcel in message.parcels:
                    if message.failed is not None or not whole:
                        parcel.draft.withdraw()
                    parcel.draft.close()
        return [message.failed for message in batch]

    def _name(self, message: _Message) -> None:
        for parcel in message.parcels:
            seconds, micros = divmod(time.time_ns() // 1000, 1_000_000)
            name = f"{seconds}.M{micros}P{os.getpid()}Q{next(self._numbers)}.{self._host}"
            if parcel.logins is None:
                message.folders[self._link(parcel.draft, _SPOOL, name)] = None
                continue
            # The sizes tell Dovecot what it would have to open the file for; lines end with CRLF, so both are the same.
            name = f"{name},S={parcel.draft.size},W={parcel.draft.size}"
            for login in parcel.logins:
                if not _LOGIN.match(login):
                    raise ValueError("not the name of a mailbox")
                message.folders[self._link(parcel.draft, login, name)] = None

    def _link(self, draft: Draft, box: str, name: str) -> str:
        """Give the draft a name in a box, which is made when it is missing; give the folder."""
        folder = f"{self._root}/{box}/new"
        self._make(box)
        try:
            draft.link(f"{folder}/{name}")
        except FileNotFoundError:  # the box was removed since
            self._safe.discard(box)
            self._make(box)
            draft.link(f"{folder}/{name}")
        return folder

    def _make(self, box: str) -> None:
        """See to it that a box is there, and is on stable storage."""
        if box in self._safe:
            return
        path = Path(self._root, box)
        for folder in (path, *(path / name for name in ("cur", "tmp", "new"))):
            folder.mkdir(0o700, exist_ok=True)
        sync_folder(path)
        sync_folder(self._root)
        self._safe.add(box)


def _finish(message: _Message) -> None:
    for parcel in message.parcels:
        parcel.draft.finish()


def _start(message: _Message) -> None:
    for parcel in message.parcels:
        parcel.draft.start()


def _flush(message: _Message) -> None:
    for parcel in message.parcels:
        parcel.draft.flush()


def _failure_of(step: Callable[[T], None], what: T) -> StoreFailed | None:
    try:
        with reported():
            step(what)
    except StoreFailed as error:
        return error
    return None
