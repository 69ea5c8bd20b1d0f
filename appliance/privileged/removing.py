"""A tree deleted while its owner may be at work in it.

May live here: walking by directory descriptor. May not: which tree, a path below the folder that it is in, following a
symbolic link. Each name is opened relative to its folder with O_NOFOLLOW, so whatever an owner swaps while we work,
nothing outside is touched.
"""

from __future__ import annotations

import errno
import os
import secrets
from typing import Final

from appliance.daemon.descriptors import FOLDER, opened
from appliance.privileged.folders import names_in

REMOVED: Final = ".removed-"
"""How the name of a folder begins that is to be deleted, and is nobody's any more."""


def throw_away(name: str, folder: int) -> str | None:
    """Take ``name`` of the open ``folder`` away from everybody at once; what it is called now, to be deleted.

    ``None``: nothing is called so. Raises ``OSError``.
    """
    trash = f"{REMOVED}{secrets.token_hex(8)}"
    try:
        os.rename(name, trash, src_dir_fd=folder, dst_dir_fd=folder)
    except FileNotFoundError:
        return None
    os.fsync(folder)
    return trash


def delete(name: str, folder: int, root: bool) -> None:
    """Delete ``name`` of the open ``folder`` with all that is in it, as ``root`` or as its owner. Raises ``OSError``.

    Without descending: each folder found is moved up to the top, so depth costs nothing.
    """
    top = _enter(name, folder, root)
    if top is None:
        os.unlink(name, dir_fd=folder)
        return
    with opened(top):
        _seize(top, root)
        while names := names_in(top):
            for one in names:
                _flatten(one, top, root)
    os.rmdir(name, dir_fd=folder)


def _flatten(name: str, top: int, root: bool) -> None:
    found = _enter(name, top, root)
    if found is None:
        os.unlink(name, dir_fd=top)
        return
    with opened(found):
        _seize(found, root)
        for one in names_in(found):
            inner = _enter(one, found, root)
            if inner is None:
                os.unlink(one, dir_fd=found)
                continue
            with opened(inner):
                _seize(inner, root)
            os.rename(one, secrets.token_hex(12), src_dir_fd=found, dst_dir_fd=top)
    os.rmdir(name, dir_fd=top)


def _enter(name: str, folder: int, root: bool) -> int | None:
    """Open the folder ``name`` of ``folder``; ``None`` if it is something else."""
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            return None
        if root or error.errno != errno.EACCES:
            raise
    os.chmod(name, 0o700, dir_fd=folder)  # a folder of our own that is closed even to us
    return os.open(name, FOLDER, dir_fd=folder)


def _seize(opened: int, root: bool) -> None:
    """Shut the owner out, so that nothing is added; without root just make sure that we may delete."""
    if root:
        os.fchown(opened, 0, 0)
    os.fchmod(opened, 0o700)
