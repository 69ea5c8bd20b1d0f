"""Folders made whole: under a hidden name, given to its owner, then under its own (rename(2)).

May live here: steps relative to an open folder. May not: a path below it, following a symbolic link, or whose it is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from typing import Final

from appliance.daemon.descriptors import FOLDER, opened

MAKING: Final = ".making-"
"""What begins the name of one that is not finished."""


def make_whole(name: str, folder: int, own: Callable[[int], None]) -> None:
    """Make the folder ``name`` in the open ``folder``; ``own`` is given its descriptor and gives it away.

    Raises ``OSError``: then nothing is left of it.
    """
    draft = f"{MAKING}{secrets.token_hex(8)}"
    os.mkdir(draft, 0o700, dir_fd=folder)
    try:
        with opened(os.open(draft, FOLDER, dir_fd=folder)) as made:
            own(made)
            os.fsync(made)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.rmdir(draft, dir_fd=folder)
        raise
    os.fsync(folder)


def names_in(folder: int) -> list[str]:
    """Give what is in the open ``folder`` now.

    Btrfs shows no entry that is newer than the last rewinding of the descriptor (Linux 6.5 and later).
    """
    os.lseek(folder, 0, os.SEEK_SET)
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]
