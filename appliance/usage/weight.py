"""What one file or folder takes of its payer's space: the one rule for what is counted and for what services add.

May live here: that rule. May not: walking (``scan``), who pays. A million empty files are a load on disk, copies and
counts, too; and SMB keeps streams, as long as files, in attributes that no length tells of.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Final

LEAST: Final = 4096
"""Bytes that everything with a name weighs: one block of the disk."""

_OF_USERS: Final = "user."
_OF_SAMBA: Final = "user.DOSATTRIB"  # a few bytes on all that is made over SMB


def weight(size: int) -> int:
    """Give the bytes that a file of ``size`` bytes takes."""
    return max(size, LEAST)


def weight_of(found: os.stat_result, name: str, folder: int) -> int:
    """Give the bytes that ``name`` of the open ``folder`` takes, ``found`` there by the system; ``.``: itself.

    What the caller may not read of it counts as nothing.
    """
    if stat.S_ISREG(found.st_mode):
        return weight(found.st_size) + _attributes(name, folder)
    return LEAST + (_attributes(name, folder) if stat.S_ISDIR(found.st_mode) else 0)


def _attributes(name: str, folder: int) -> int:
    way = f"/proc/self/fd/{folder}/{name}"
    total = 0
    with contextlib.suppress(OSError):
        for attribute in os.listxattr(way, follow_symlinks=False):
            if attribute.startswith(_OF_USERS) and attribute != _OF_SAMBA:
                total += len(attribute) + len(os.getxattr(way, attribute, follow_symlinks=False))
    return total
