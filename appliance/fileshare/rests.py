"""What is left of broken uploads: by which name it lies in its folder, and whose it is.

May live here: looking at one name in a folder that is open. May not: writing (``upload``), the way to a folder
(``store``). A rest lies beside the place where the file was to be, by a hidden name that follows from its owner and the
file's name: so its owner alone finds it again, for a day, and nobody has to look for it. All functions take a folder's
descriptor, and the caller for whom the kernel takes us at the moment.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from hashlib import sha256

from appliance.usage.unfinished import KEPT_FOR, UNFINISHED
from appliance.usage.weight import weight_of


def rest_of(name: str) -> str:
    """Give the name of what is left of a broken upload of ``name`` by whom the kernel takes us for at the moment."""
    return f"{UNFINISHED}kept-{os.geteuid()}-{sha256(name.encode()).hexdigest()[:32]}"


def rest_size(name: str, folder: int) -> int:
    """Give how many bytes are left of a broken upload of ``name`` in ``folder``, as the person whose upload it was.

    Raises ``FileNotFoundError`` if nothing is, or only something too old or not his.
    """
    found = os.stat(rest_of(name), dir_fd=folder, follow_symlinks=False)
    if not is_rest(found):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return found.st_size


def counted(name: str, folder: int) -> tuple[int, int] | None:
    """Give owner and bytes (``usage.weight``) that end when ``name`` is removed; ``None`` if none do."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    ends = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1
    return (found.st_uid, weight_of(found, name, folder)) if ends else None


def is_rest(found: os.stat_result) -> bool:
    """Whether this is a file of the caller's own that can be resumed still."""
    own = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
    return own and time.time() - found.st_mtime < KEPT_FOR
