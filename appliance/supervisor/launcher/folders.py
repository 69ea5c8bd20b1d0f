"""The folders of the units, with owners and modes: made before any of them starts.

May live here: making and checking folders. May not: deciding which there are (``units``) or what lies in them.
Everything stands below folders that only the caller may write to; nothing here follows a symbolic link.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, opened
from appliance.daemon.identities import Identity
from appliance.supervisor.launcher.unit import Folder, LauncherError


def make(folder: Folder, owner: tuple[int, int]) -> None:
    """Make ``folder`` for ``owner`` (uid, gid), or set its mode and group when it is there already.

    Raises :class:`LauncherError` when it is no folder, cannot be made, or is full of somebody else's files: those are
    never taken over.
    """
    try:
        folder.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.path.mkdir(mode=0o700)
        with opened(os.open(folder.path, FOLDER)) as handle:
            _own(handle, folder, owner)
    except OSError as error:
        raise LauncherError(
            f"the folder {folder.path} cannot be made or used: {os.strerror(error.errno or 0)}"
        ) from error


def empty(folder: Folder) -> None:
    """Remove a transient folder and what is in it, as far as possible."""
    if folder.transient:
        shutil.rmtree(folder.path, ignore_errors=True)


def check_reachable(paths: Iterable[Path], identities: Iterable[Identity]) -> None:
    """Raise :class:`LauncherError` naming the first folder on the way to ``paths`` that one of them may not enter.

    A unit with a user of its own could otherwise only say that a module or a socket does not exist.
    """
    for identity in {one.uid: one for one in identities if one.uid not in (0, os.geteuid())}.values():
        for path in paths:
            for folder in [*reversed(path.resolve().parents), path.resolve()]:
                if folder.is_dir() and not _enters(folder.stat(), identity):
                    raise LauncherError(
                        f"the folder {folder} is closed to uid {identity.uid}, which has to reach {path};"
                        f" open it (chmod o+x {folder}), or choose another place, or set server.yaml: identity to same"
                    )


def _own(handle: int, folder: Folder, owner: tuple[int, int]) -> None:
    found = os.fstat(handle)
    ours = found.st_uid in (owner[0], os.geteuid())
    if not ours and not folder.transient and os.listdir(handle):
        raise LauncherError(
            f"the folder {folder.path} belongs to uid {found.st_uid}, but uid {owner[0]} is to use it;"
            " choose another folder (server.yaml), or give it and all in it to that user"
        )
    if (found.st_uid, found.st_gid) != owner:
        os.fchown(handle, *owner)
    if stat.S_IMODE(found.st_mode) != folder.mode:
        os.fchmod(handle, folder.mode)


def _enters(found: os.stat_result, identity: Identity) -> bool:
    if found.st_uid == identity.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid in (identity.gid, *identity.groups):
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
