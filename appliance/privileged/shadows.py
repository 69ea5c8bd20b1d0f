r"""Former versions of all homes and group folders (shadow copies): read-only snapshots of the data disk, by btrfs.

May live here: making one whole, giving one up, taking somebody out of all. May not: when, and how many are kept
(``supervisor.shadows_rule``). Owners, modes and ACLs in a snapshot are those of its instant, so the kernel lets nobody
see more there than in the tree of today (K05). Each lies in a folder of its own, with a name for each home by which
Samba knows whose it is::

    D/.shadows/@GMT-2026.11.21-15.00.00/tree/homes/fred.muster
                                        SCHULE\fred.muster -> tree/homes/fred.muster
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.daemon import btrfs
from appliance.daemon.descriptors import FOLDER, opened
from appliance.directory.short import short_name
from appliance.privileged import forgetting, removing
from appliance.privileged.folders import MAKING, names_in
from appliance.privileged.forgetting import Deleted

SHADOWS: Final = ".shadows"
"""The folder of all of them, in that of the data."""
_TREE: Final = "tree"
_FORM: Final = "@GMT-%Y.%m.%d-%H.%M.%S"
_STAMP: Final = re.compile(r"@GMT-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d", re.ASCII)
_LISTED, _PASSED = 0o755, 0o711
_MAIL: Final = "mail"
_KINDS: Final = ("homes", "groups")
_SEE: Final = 'see "Former versions" in the handbook'


class Shadows:
    r"""Those of ``data``; calls must not overlap. ``workgroup`` is what Samba calls people by (``SCHULE\login``)."""

    def __init__(self, data: Path, workgroup: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._data = data
        self._workgroup = workgroup
        self._clock = clock

    def hindrance(self) -> str | None:
        """Say why there can be none, for the carer; ``None``: nothing is in the way. Raises ``OSError``."""
        with opened(os.open(self._data, FOLDER)) as data:
            found = btrfs.volume(data)
            if found is btrfs.Volume.ELSEWHERE:
                return "the disk of the data is not btrfs"
            if found is btrfs.Volume.PLAIN:
                return f"{self._data} is no subvolume of its own; {_SEE}"
            with contextlib.suppress(FileNotFoundError), opened(os.open(_MAIL, FOLDER, dir_fd=data)) as mail:
                if btrfs.volume(mail) is btrfs.Volume.PLAIN:
                    reason = "is no subvolume of its own, and mail is to have no former versions"
                    return f"{self._data / _MAIL} {reason}; {_SEE}"
        return None

    def taken(self) -> Sequence[str]:
        """Give the instants (``@GMT-2026.11.21-15.00.00``, UTC) of those there are, oldest first; ``OSError``."""
        try:
            with self._opened() as folder:
                return sorted(name for name in names_in(folder) if is_stamp(name))
        except FileNotFoundError:
            return ()

    def take(self) -> str:
        """Make one; its instant. It is there whole or not at all. Raises ``OSError``."""
        stamp = self._clock().strftime(_FORM)
        draft = f"{MAKING}{secrets.token_hex(8)}"
        with opened(os.open(self._data, FOLDER)) as data:
            if SHADOWS not in names_in(data):
                btrfs.make(SHADOWS, data)  # a subvolume: so they are in none of themselves
        with self._opened() as folder:
            os.fchmod(folder, _LISTED)
            if stamp in names_in(folder):
                return stamp
            os.mkdir(draft, 0o700, dir_fd=folder)
            try:
                with opened(os.open(draft, FOLDER, dir_fd=folder)) as made:
                    with opened(os.open(self._data, FOLDER)) as data:
                        btrfs.snapshot(data, _TREE, made)
                    _strip(made)
                    self._name_homes(made)
                    os.fchmod(made, _PASSED)
                    os.fsync(made)
                os.rename(draft, stamp, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with contextlib.suppress(OSError):
                    self._delete(draft, folder)
                raise
            os.fsync(folder)
        return stamp

    def remove(self, stamp: str) -> bool:
        """Give up the one of ``stamp``; whether there was one. It is gone at once, and :meth:`sweep` can finish it."""
        with contextlib.suppress(FileNotFoundError), self._opened() as folder:
            trash = removing.throw_away(stamp, folder)
            if trash is not None:
                self._delete(trash, folder)
                return True
        return False

    def note(self, deleted: Deleted) -> str | None:
        """Write down that ``deleted`` is to be forgotten; ``None``: there are none that know it. Raises ``OSError``."""
        with contextlib.suppress(FileNotFoundError), self._opened() as folder:
            return forgetting.note(deleted, folder)
        return None

    def noted(self) -> Sequence[tuple[str, Deleted]]:
        """Give what is noted and was not forgotten before we began. Raises ``OSError``."""
        with contextlib.suppress(FileNotFoundError), self._opened() as folder:
            return list(forgetting.noted(folder))
        return ()

    def forget(self, deleted: Deleted, note: str | None = None) -> int:
        """Take ``deleted`` out of all of them, then its ``note``; in how many it was.

        So what is deleted for good is in none of them either (K23). Raises the first ``OSError`` after all were tried.
        """
        count, failed = 0, None
        for stamp in self.taken():
            try:
                with self._opened() as folder, opened(os.open(stamp, FOLDER, dir_fd=folder)) as there:
                    count += _take_out(there, deleted)
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        if note is not None:
            with contextlib.suppress(FileNotFoundError), self._opened() as folder:
                forgetting.done(note, folder)
        return count

    def sweep(self) -> int:
        """Delete what was given up, or left half made, before we began; how many could not be deleted."""
        failed = 0
        try:
            with self._opened() as folder:
                for stamp in filter(is_stamp, names_in(folder)):
                    with (
                        contextlib.suppress(FileNotFoundError),
                        opened(os.open(f"{stamp}/{_TREE}", FOLDER, dir_fd=folder)) as tree,
                    ):
                        btrfs.set_read_only(tree, True)  # a power cut may have come while somebody was taken out
                for name in names_in(folder):
                    if name.startswith((MAKING, removing.REMOVED)):
                        try:
                            self._delete(name, folder)
                        except OSError:
                            failed += 1
        except FileNotFoundError:
            return 0
        return failed

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        with opened(os.open(self._data / SHADOWS, FOLDER)) as folder:
            yield folder

    def _name_homes(self, made: int) -> None:
        with opened(os.open(f"{_TREE}/homes", FOLDER, dir_fd=made)) as homes:
            logins = names_in(homes)
        for login in logins:
            if not login.startswith("."):
                name = rf"{self._workgroup}\{short_name(login)}"
                with contextlib.suppress(FileExistsError):
                    os.symlink(f"{_TREE}/homes/{login}", name, dir_fd=made)

    def _delete(self, name: str, folder: int) -> None:
        """Delete one with its snapshot: at once where we may, else file by file."""
        with opened(os.open(name, FOLDER, dir_fd=folder)) as there:
            try:
                with opened(os.open(_TREE, FOLDER, dir_fd=there)) as tree:
                    btrfs.set_read_only(tree, False)
                if not btrfs.destroy(_TREE, there):
                    removing.delete(_TREE, there, os.geteuid() == 0)
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno != errno.ENOTTY:  # it never became a snapshot
                    raise
        removing.delete(name, folder, os.geteuid() == 0)


def is_stamp(name: str) -> bool:
    """Whether ``name`` is one of an instant."""
    return _STAMP.fullmatch(name) is not None


def _strip(made: int) -> None:
    """Take out of the snapshot in the open ``made`` what was being deleted for good when it was made."""
    for kind in _KINDS:
        _delete_from(made, kind, lambda name, _status: name.startswith(removing.REMOVED))


def _take_out(there: int, deleted: Deleted) -> bool:
    """Take ``deleted`` out of the snapshot in the open folder ``there``; whether it was in it."""

    def wanted(name: str, status: os.stat_result) -> bool:
        return name.startswith(removing.REMOVED) or deleted.was(name, status)

    if not _delete_from(there, deleted.kind, wanted):
        return False
    _unlink_dead(there)
    return True


def _delete_from(there: int, kind: str, wanted: Callable[[str, os.stat_result], bool]) -> bool:
    """Delete the folders of ``kind`` that are ``wanted``; whether there were any."""
    with contextlib.ExitStack() as stack:
        tree = stack.enter_context(opened(os.open(_TREE, FOLDER, dir_fd=there)))
        try:
            top = stack.enter_context(opened(os.open(kind, FOLDER, dir_fd=tree)))
        except FileNotFoundError:
            return False
        names = [name for name in names_in(top) if wanted(name, os.stat(name, dir_fd=top, follow_symlinks=False))]
        if names:
            btrfs.set_read_only(tree, False)
            try:
                for name in names:
                    removing.delete(name, top, os.geteuid() == 0)
            finally:
                btrfs.set_read_only(tree, True)
    return bool(names)


def _unlink_dead(folder: int) -> None:
    """Remove the links of the open ``folder`` that lead nowhere any more."""
    with os.scandir(folder) as entries:
        links = [entry.name for entry in entries if entry.is_symlink()]
    for name in links:
        try:
            os.stat(name, dir_fd=folder)
        except FileNotFoundError:
            os.unlink(name, dir_fd=folder)
