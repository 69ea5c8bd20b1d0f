"""A file on its way to the disk: without a name, or with one that nobody sees, until it is whole.

May live here: how it begins, grows, gets its name, and what becomes of the rest of one that broke off. May not: who may
write what (``session``), how its bytes come (``data``). The rest of a broken upload is kept for a day beside the place
where the file was to be, by a hidden name that follows from owner and name, so that its owner alone finds it again: it
is no file to others, counts in his quota and is removed when it is too old (by the nightly walk over all shares).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from appliance.daemon.descriptors import exists
from appliance.daemon.space import Reserve
from appliance.fileshare.acting import Acting, Person
from appliance.fileshare.rests import counted, is_rest, rest_of, rest_size
from appliance.fileshare.turns import alone_in
from appliance.usage.unfinished import UNFINISHED
from appliance.usage.weight import weight

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CLOEXEC
_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})
_FILE_MODE, _REST_MODE = 0o660, 0o600
_BLOCK = 1024 * 1024


class Account(Protocol):
    """The account of bytes: whoever owns a file pays for it (K11). :class:`appliance.usage.delta.Delta` is one."""

    def add(self, uid: int, amount: int) -> None:
        """Note that ``uid`` has ``amount`` bytes more, or less."""
        ...


class TooLarge(Exception):
    """The file has grown beyond what is allowed; nothing of it is kept. ``size`` is what it would have, at least."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


Room = Callable[[int], bool]
"""Whether the owner may have so many bytes more now, whatever else he has stored meanwhile."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What ends an upload: more than ``largest`` bytes in it, or fewer than those of ``reserve`` left on the disk.

    Its rest is kept only if there is ``room``: many that break off at once must not be more together than one may be.
    """

    largest: int
    reserve: Reserve
    room: Room


class Upload:
    """A file that ``person`` writes, to become ``place``: the folder's descriptor, which it owns, and the name.

    It starts with :meth:`begin` and ends with :meth:`finish`, :meth:`discard` or :meth:`close`; the latter two may come
    more than once and after each other. ``kept`` says afterwards whether a rest is left that can be resumed; ``paid``
    is how many of its bytes are in the account of its owner.
    """

    def __init__(
        self, acting: Acting, account: Account, person: Person, place: tuple[int, str], bounds: Bounds
    ) -> None:
        self._acting = acting
        self._account = account
        self._person = person
        self._folder, self.name = place
        self._bounds = bounds
        self._file = -1
        self._draft: str | None = None
        self.paid = 0
        self._synced = -1
        self._wanted = True
        self.size = 0
        self.closed = False
        self.kept = False

    def begin(self, keep: int) -> None:
        """Open it with the first ``keep`` bytes of the present file, or else of the rest of a broken upload of it.

        To be called as the person. Raises ``EINVAL`` if there are not so many, ``ENOENT`` if there are none.
        """
        if keep and not exists(self.name, self._folder):
            self._resume(keep)
        else:
            self._file = self._open()
            self._copy(keep)

    def write(self, data: bytes | memoryview) -> None:
        """Add ``data``. Raises :class:`TooLarge` or ``OSError``, and nothing of the file is left then."""
        try:
            if self.size + len(data) > self._bounds.largest:
                raise TooLarge(self.size + len(data))
            self._bounds.reserve.claim(len(data))
            view = memoryview(data)
            while view:
                written = os.write(self._file, view)
                self.size += written
                view = view[written:]
        except BaseException:
            self._wanted = False
            raise

    def sync(self) -> None:
        """Put what came on stable storage. Raises ``OSError``.

        It may take long, so it comes before asking whether there is room: others end uploads meanwhile.
        """
        if self._synced != self.size:
            os.fsync(self._file)
            self._synced = self.size

    def be_of(self, person: Person) -> None:
        """Go on as ``person`` is now: who has left a group meanwhile puts nothing into its folder any more."""
        self._person = person

    def finish(self) -> None:
        """Put the file in its place, on stable storage, instead of what was there. Raises ``OSError``."""
        self._wanted = False
        try:
            self.sync()
            with self._acting.as_person(self._person):
                rest = rest_of(self.name)
                draft = self._named(_FILE_MODE)
                with alone_in(self._folder):
                    gone = [counted(self.name, self._folder)]
                    os.rename(draft, self.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
                self._draft = None
                with contextlib.suppress(OSError):
                    former = counted(rest, self._folder)
                    os.unlink(rest, dir_fd=self._folder)
                    gone.append(former)
            self._settle(*gone)
            with self._acting.as_person(self._person):
                os.fsync(self._folder)
        finally:
            self.close()

    def discard(self) -> None:
        """Forget it: nothing is left."""
        self._wanted = False
        self.close()

    def close(self) -> None:
        """End it; what is there of an upload that only broke off is kept for its owner."""
        if self.closed:
            return
        self.closed = True
        try:
            if self._wanted and self.size:
                self._leave()
            self._remove()
        finally:
            if self._file >= 0:
                os.close(self._file)
            os.close(self._folder)

    def _leave(self) -> None:
        """Keep what is there if there is room, but not beside a file in its place, for then nobody could ask for it."""
        with contextlib.suppress(OSError), self._acting.as_person(self._person):
            if exists(self.name, self._folder):
                return
            self.sync()
            rest = rest_of(self.name)
            gone = counted(rest, self._folder)
            if not self._bounds.room(weight(self.size) - self.paid - (gone[1] if gone else 0)):
                return
            os.rename(self._named(_REST_MODE), rest, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._draft = None
            self.kept = True
        if self.kept:
            self._settle(gone)

    def _remove(self) -> None:
        if self._draft is not None:
            with contextlib.suppress(OSError), self._acting.as_person(self._person):
                os.unlink(self._draft, dir_fd=self._folder)
                self._draft = None
            self._account.add(os.fstat(self._file).st_uid, -self.paid)
            self.paid = 0

    def _settle(self, *gone: tuple[int, int] | None) -> None:
        """Let its owner pay for all of it, and pay back what it took the place of."""
        for owner, size in filter(None, gone):
            self._account.add(owner, -size)
        took = weight(self.size)
        self._account.add(os.fstat(self._file).st_uid, took - self.paid)
        self.paid = took

    def _open(self) -> int:
        """Open a file without a name, which a crash takes away; where the disk knows none, one with a hidden name."""
        try:
            return os.open(".", _WRITE | os.O_TMPFILE, _FILE_MODE, dir_fd=self._folder)
        except OSError as error:
            if error.errno not in _NO_NAMELESS:
                raise
        draft = _draft_name()
        file = os.open(draft, _WRITE | _NEW, _FILE_MODE, dir_fd=self._folder)
        self._draft = draft
        return file

    def _copy(self, count: int) -> None:
        if count == 0:
            return
        present = os.open(self.name, _READ, dir_fd=self._folder)
        try:
            if os.fstat(present).st_size < count:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            while self.size < count and (block := os.read(present, min(_BLOCK, count - self.size))):
                self.write(block)
        finally:
            os.close(present)

    def _resume(self, keep: int) -> None:
        """Go on with the rest. It takes another name meanwhile, so that of several who want it one gets it."""
        if keep > self._bounds.largest:
            raise TooLarge(keep)
        rest, draft = rest_of(self.name), _draft_name()
        if rest_size(self.name, self._folder) < keep:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._file = os.open(rest, _WRITE | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._folder)
        os.rename(rest, draft, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._draft = draft
        opened, named = os.fstat(self._file), os.stat(draft, dir_fd=self._folder, follow_symlinks=False)
        if not os.path.samestat(opened, named) or not is_rest(opened) or opened.st_size < keep:
            self._wanted = False  # somebody changed it just now
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self.paid = weight(opened.st_size)
        os.ftruncate(self._file, keep)
        self.size = os.lseek(self._file, keep, os.SEEK_SET)

    def _named(self, mode: int) -> str:
        """Give it ``mode`` and a hidden name, unless it has one, and that name."""
        os.fchmod(self._file, mode)
        if self._draft is None:
            draft = _draft_name()
            os.link(f"/proc/self/fd/{self._file}", draft, dst_dir_fd=self._folder, follow_symlinks=True)
            self._draft = draft
        return self._draft


def _draft_name() -> str:
    return UNFINISHED + secrets.token_hex(8)
