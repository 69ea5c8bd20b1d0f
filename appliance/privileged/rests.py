"""What is left of uploads that were cut, taken away when its time to be resumed is over.

May live here: finding it by its name. May not: anything else's removal, following a symbolic link.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, opened
from appliance.daemon.walking import GONE, Walk
from appliance.usage.unfinished import KEPT_FOR, UNFINISHED


def sweep(data: Path, now: float) -> int:
    """Remove what nobody goes on with, below ``data`` at ``now`` (seconds since 1970); how many. Raises ``OSError``."""
    removed = 0
    for area in ("homes", "groups"):
        with contextlib.suppress(FileNotFoundError), opened(os.open(data / area, FOLDER)) as top:
            for folder, entry in Walk(top):
                if entry is not None and entry.name.startswith(UNFINISHED):
                    removed += _removed(entry, folder, now - KEPT_FOR)
    return removed


def _removed(entry: os.DirEntry[str], folder: int, before: float) -> bool:
    try:
        if not entry.is_file(follow_symlinks=False) or entry.stat(follow_symlinks=False).st_mtime >= before:
            return False
        os.unlink(entry.name, dir_fd=folder)
    except OSError as error:
        if error.errno in GONE:
            return False
        raise
    return True
