"""A restore on its way: a folder that only root can enter, beside where it will appear as a whole, in one step.

May live here: such folders, also those that a kill left. May not: what is fetched into one, or to whom it goes. Each is
locked while its restore lives; the next restore removes one that nobody holds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.backup.problem import BackupError
from appliance.daemon.descriptors import FOLDER, exists, opened
from appliance.privileged import removing
from appliance.privileged.folders import names_in

_DRAFT: Final = ".restoring-"  # what privileged.shelf removes as well
_MOST: Final = 100
_TAKEN: Final = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})


@contextlib.contextmanager
def draft(above: Path) -> Iterator[Path]:
    """Make one in the folder ``above``; nothing is left of it afterwards. Raises ``OSError``."""
    with opened(os.open(above, FOLDER)) as folder:
        sweep(folder)
        name = f"{_DRAFT}{secrets.token_hex(8)}"
        os.mkdir(name, 0o700, dir_fd=folder)
        with opened(os.open(name, FOLDER, dir_fd=folder)) as made:
            fcntl.flock(made, fcntl.LOCK_EX)
            try:
                yield above / name
            finally:
                _remove(name, folder)


def sweep(folder: int) -> None:
    """Remove from the open ``folder`` what restores left that were killed; raises ``OSError``."""
    for name in names_in(folder):
        if not name.startswith(_DRAFT):
            continue
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError, BlockingIOError),
            opened(os.open(name, FOLDER, dir_fd=folder)) as left,
        ):
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(name, folder)


def appear(staged: Path, target: int, name: str, before: str = "") -> str:
    """Rename the folder ``staged`` into the open ``target`` as ``name``, or ``name-2`` where that is taken.

    ``before`` is put before each name. Renaming replaces nothing that is not empty, and follows no link. Gives the name
    without ``before``. Raises ``OSError``, :class:`BackupError` when too many are there.
    """
    for number in range(1, _MOST):
        free = name if number == 1 else f"{name}-{number}"
        if exists(before + free, target):
            continue
        try:
            os.rename(staged, before + free, dst_dir_fd=target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            continue
        os.fsync(target)
        return free
    raise BackupError("refused", f"there are {_MOST} restored folders of that day already; remove some")


def _remove(name: str, folder: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        removing.delete(name, folder, os.geteuid() == 0)
