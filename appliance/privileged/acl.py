"""The default ACL of group folders: whatever program makes something in them, all members share it (acl(5)).

May live here: that one ACL. May not: which folders have it. Its entries are the plain three and name nobody, so a file
made under it has a plain mode and no ACL of its own; and where there is a default ACL the kernel asks no umask.
"""

from __future__ import annotations

import errno
import os
import struct
from contextlib import suppress
from typing import Final

_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_VERSION, _NOBODY = 2, 0xFFFFFFFF
_USER_OBJ, _GROUP_OBJ, _OTHER = 0x01, 0x04, 0x20
_ALL, _NONE = 0o7, 0o0
_SHARED: Final = struct.pack("<I", _VERSION) + b"".join(
    struct.pack("<HHI", tag, permissions, _NOBODY)
    for tag, permissions in ((_USER_OBJ, _ALL), (_GROUP_OBJ, _ALL), (_OTHER, _NONE))
)
_MISSING = frozenset({errno.ENODATA, errno.EOPNOTSUPP})


def is_shared(path: str) -> bool:
    """Whether the folder ``path`` (not a symbolic link) has just the default ACL; ``True`` where the disk knows none.

    Raises ``OSError``.
    """
    try:
        return os.getxattr(path, _DEFAULT, follow_symlinks=False) == _SHARED
    except OSError as error:
        if error.errno == errno.ENODATA:
            return False
        if error.errno == errno.EOPNOTSUPP:
            return True
        raise


def is_plain(path: str) -> bool:
    """Whether ``path`` (not a symbolic link) has only a mode, and no access ACL beside it. Raises ``OSError``."""
    try:
        os.getxattr(path, _ACCESS, follow_symlinks=False)
    except OSError as error:
        if error.errno in _MISSING:
            return True
        raise
    return False


def share(folder: int) -> None:
    """Give the open ``folder`` the default ACL, and no other ACL; the mode is the caller's. Raises ``OSError``.

    On a disk without ACLs nothing happens: there the umask of whoever makes a file decides.
    """
    make_plain(folder)
    try:
        os.setxattr(folder, _DEFAULT, _SHARED)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise


def make_plain(opened: int) -> None:
    """Take the access ACL from what is ``opened``, if it has one. Raises ``OSError``."""
    try:
        os.removexattr(opened, _ACCESS)
    except OSError as error:
        if error.errno not in _MISSING:
            raise


def forget(folder: int) -> None:
    """Take both ACLs from the open ``folder``. Raises ``OSError``."""
    make_plain(folder)
    with suppress(OSError):
        os.removexattr(folder, _DEFAULT)
