"""What btrfs makes no snapshots of: before anything runs, the empty folder of mail becomes a subvolume of its own.

May live here: that change. May not: the snapshots (``privileged.shadows``).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

from appliance.daemon import btrfs
from appliance.daemon.descriptors import FOLDER

_MAIL: Final = "mail"


def apart(data: Path) -> bool:
    """Let mail have no part in the former versions of the files in ``data``; whether anything had to change.

    It keeps its owner and mode. Where it holds something, or ``data`` is no subvolume, it stays as it is, and
    ``schoolserver status`` tells why there are no former versions. Raises ``OSError``.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = _opened(stack, data)
            there = _opened(stack, _MAIL, folder)
        except FileNotFoundError:
            return False
        if (btrfs.volume(folder), btrfs.volume(there)) != (btrfs.Volume.SUBVOLUME, btrfs.Volume.PLAIN):
            return False
        draft, found = f".making-{_MAIL}", os.fstat(there)
        btrfs.make(draft, folder)
        try:
            made = _opened(stack, draft, folder)
            os.fchown(made, found.st_uid, found.st_gid)
            os.fchmod(made, stat.S_IMODE(found.st_mode))
            os.fsync(made)
            os.rename(draft, _MAIL, src_dir_fd=folder, dst_dir_fd=folder)  # only what is empty gives way
        except OSError as error:
            os.rmdir(draft, dir_fd=folder)
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
        os.fsync(folder)
    return True


def _opened(stack: contextlib.ExitStack, path: str | Path, folder: int | None = None) -> int:
    descriptor = os.open(path, FOLDER, dir_fd=folder)
    stack.callback(os.close, descriptor)
    return descriptor
