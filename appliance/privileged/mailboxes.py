"""Mailboxes (Maildir++) of accounts that are gone: put aside, given back, given on, deleted (K23, K24).

May live here: steps relative to the open folder of mailboxes. May not: who is gone, and what is mail's alone there
(``.spool``, ``.tmp``). A mailbox bears no number: it is called by its login and belongs to whose home is called so, and
goes where that goes. One put aside is root's and 0700, with its number in its name: neither Dovecot nor mail opens it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.daemon.descriptors import FOLDER, exists, opened
from appliance.privileged import acl, names, removing
from appliance.privileged.folders import make_whole, names_in
from appliance.privileged.shelf import Former, HomeError, Shelf

_MAILS: Final = ("new", "cur")
_LATE: Final = "late"
"""What in one put aside the mailbox is called that was made since: no part of a mailbox for Dovecot."""
_MOST: Final = 100
_TRIES: Final = 10


class Mailboxes(Shelf):
    """The folder of mailboxes at ``path``, whose owner owns each; calls must not overlap. It need not be there."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(path, lambda _: 0, clock)

    def standing(self) -> Mapping[str, int]:
        """Give 0 for each mailbox that stands under its login; raises ``OSError``."""
        if not self._there():
            return {}
        with self._opened() as folder:
            return {name: 0 for name in names_in(folder) if _is_login(name) and self._is_box(name, folder)}

    def put_aside(self, name: str, number: int) -> bool:
        """Put the mailbox of ``name`` aside as that of ``number`` (0: unknown); ``False`` if there is none.

        Mails that came when it had been put aside already join those. Raises ``OSError``.
        """
        if not self._there():
            return False
        with self._opened() as folder:
            if not self._is_box(name, folder):
                return False
            before = self._before(name, number, folder)
            if before is None:
                self._aside(name, self._own(number), folder)
            else:
                self._join(name, before, folder)
            return True

    def bring_back(self, name: str, number: int) -> bool:
        """Give ``name`` the mailbox back that was put aside under this login and number; ``False``: none was.

        What came under the login since joins it. Raises :class:`HomeError` where something else stands, ``OSError``.
        """
        if not self._there():
            return False
        with self._opened() as folder:
            before = self._before(name, number, folder)
            if before is None:
                return False
            self._hand_over(before, folder)
            with opened(os.open(before, FOLDER, dir_fd=folder)) as top:
                self._take_place(name, before, top, folder)
                self._settle_late(top)
            os.fsync(folder)
            self._note(number, before, name, folder)
            return True

    def give(self, former: Former, to: str) -> str:
        """Make ``former`` a mail folder, with those in it below, of the mailbox of ``to``; what it is called there.

        A second call goes on where a cut left the first. Raises :class:`HomeError` if it is not there, ``OSError``.
        """
        with self._opened() as folder:
            if not exists(to, folder):
                make_whole(to, folder, lambda made: _own(made, folder))
            if not self._is_box(to, folder):
                raise HomeError("something that is no mailbox stands where that of the account should")
            with opened(os.open(to, FOLDER, dir_fd=folder)) as heir:
                name = next(name for name in _names(former) if not exists(f".{name}", heir))
                try:
                    with opened(os.open(former.hidden, FOLDER, dir_fd=folder)) as top:
                        self._settle_late(top)
                        for inner in _folders(top):
                            os.rename(inner, f".{name}{inner}", src_dir_fd=top, dst_dir_fd=heir)
                except FileNotFoundError:
                    raise HomeError("the mailbox put aside is not there") from None
                self._hand_over(former.hidden, folder)
                os.rename(former.hidden, f".{name}", src_dir_fd=folder, dst_dir_fd=heir)
                os.fsync(heir)
            os.fsync(folder)
        return name

    def former(self) -> Sequence[Former]:
        """Give those put aside."""
        return super().former() if self._there() else ()

    def remove(self, name: str) -> bool:
        """Delete the mailbox of ``name``; whether there was one. Raises ``OSError``."""
        if not self._there():
            return False
        with self._opened() as folder:
            return self._is_box(name, folder) and super().remove(name)

    def empty(self) -> int:
        """As of all shelves."""
        return super().empty() if self._there() else 0

    def sweep(self) -> int:
        """As of all shelves; and what came late is sorted in where a cut came before that."""
        if not self._there():
            return 0
        with self._opened() as folder:
            for name in self.standing():
                if exists(f"{name}/{_LATE}", folder):
                    with opened(os.open(name, FOLDER, dir_fd=folder)) as box:
                        self._settle_late(box)
        return super().sweep()

    def _there(self) -> bool:
        """Where mail is not installed there is no such folder."""
        return self._path.is_dir()

    def _is_box(self, name: str, folder: int) -> bool:
        """Whether ``name`` is a mailbox; what the owner of them all does not own is the system's own."""
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.fstat(folder).st_uid

    def _before(self, name: str, number: int, folder: int) -> str | None:
        """What the mailbox of ``name`` and ``number`` that was put aside is called on the disk."""
        known = map(Former.read, self._names_of(self._own(number), folder))
        found = [one for one in known if one is not None and one.name == name and exists(one.hidden, folder)]
        return max(found, key=lambda one: (one.day, one.hidden)).hidden if found else None

    def _take_place(self, name: str, before: str, top: int, folder: int) -> None:
        """Call the mailbox ``top`` by its ``name`` again; one that was made since is in it then, to be sorted in."""
        for left in range(_TRIES, -1, -1):
            self._settle_late(top)
            if exists(name, folder):
                if not self._is_box(name, folder):
                    raise HomeError("something that is no mailbox stands in its place; remove it")
                os.rename(name, _LATE, src_dir_fd=folder, dst_dir_fd=top)
            try:
                os.rename(before, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not left:
                    raise
            else:
                return  # else a mail came between the two

    def _join(self, name: str, before: str, folder: int) -> None:
        """Put the mails of the mailbox ``name`` to those of the one put aside as ``before``."""
        with opened(os.open(before, FOLDER, dir_fd=folder)) as top:
            self._settle_late(top)
            os.rename(name, _LATE, src_dir_fd=folder, dst_dir_fd=top)  # from now on nobody adds to it
            os.fsync(folder)
            self._settle_late(top)

    def _settle_late(self, top: int) -> None:
        """Sort what came late into the mailbox put aside ``top``; after a cut the next call goes on."""
        if not exists(_LATE, top):
            return
        with opened(os.open(_LATE, FOLDER, dir_fd=top)) as late:
            _sort_in(late, top)
            for inner in _folders(late):
                if not exists(inner, top):
                    os.rename(inner, inner, src_dir_fd=late, dst_dir_fd=top)
                    continue
                with (
                    opened(os.open(inner, FOLDER, dir_fd=late)) as source,
                    opened(os.open(inner, FOLDER, dir_fd=top)) as target,
                ):
                    _sort_in(source, target)
        os.fsync(top)
        removing.delete(_LATE, top, self.root)

    def _hand_over(self, name: str, folder: int) -> None:
        with opened(os.open(name, FOLDER, dir_fd=folder)) as top:
            self._settle_late(top)
            _own(top, folder)
            os.fsync(top)


def _own(box: int, folder: int) -> None:
    """Give ``box`` to whom the ``folder`` belongs."""
    owner = os.fstat(folder)
    if os.geteuid() == 0:
        os.fchown(box, owner.st_uid, owner.st_gid)
    acl.forget(box)
    os.fchmod(box, 0o700)


def _sort_in(source: int, target: int) -> None:
    """Move the mails of one mail folder into another; their names are of one kind and never the same."""
    for part in _MAILS:
        if exists(part, source):
            if not exists(part, target):
                os.rename(part, part, src_dir_fd=source, dst_dir_fd=target)
                continue
            with (
                opened(os.open(part, FOLDER, dir_fd=source)) as mails,
                opened(os.open(part, FOLDER, dir_fd=target)) as there,
            ):
                for mail in names_in(mails):
                    os.rename(mail, mail, src_dir_fd=mails, dst_dir_fd=there)
                os.fsync(there)


def _folders(top: int) -> list[str]:
    """Give the mail folders beside the inbox in the open mailbox ``top``: their names begin with a dot."""
    with os.scandir(top) as entries:
        return [entry.name for entry in entries if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)]


def _names(former: Former) -> Iterator[str]:
    """Dots part mail folders from those below."""
    name = f"Former-{former.name.replace('.', '_')}"
    yield name
    for number in range(2, _MOST):
        yield f"{name}-{number}"
    raise HomeError("there are too many former mailboxes in it; rename or delete some")


def _is_login(name: str) -> bool:
    try:
        return names.login(name) == name
    except names.WrongArgument:
        return False
