"""Databases made of their exports: SQLite's files into their places, slapd's and the domain's by their own programs.

May live here: that. May not: what is in them. A database that is there already stays: it is whole, for each comes into
its place by its name only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import appliance
from appliance.backup.problem import BackupError
from appliance.daemon.program import run
from appliance.daemon.whole_file import sync_folder

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_PATIENCE: Final = 660.0
_ENGINES: Final = {"slapd": "directory.ldif", "domain": "domain/domain.tar.bz2"}


def bring_back(settings: Settings, exports: Path) -> None:
    """Make all of them; raises :class:`BackupError`, ``OSError``."""
    for path in sorted(exports.glob("*/*.db")):
        _sqlite(path, settings.server.state / path.parent.name / path.name)
    kind = settings.directory.kind
    if kind not in _ENGINES:
        return
    export = exports / _ENGINES[kind]
    if not export.exists():
        raise BackupError("no-copy", f"the dump has no export of the directory ({kind}); take another --date")
    program = str(Path(appliance.__file__).resolve().parent.parent)
    argv = ("env", f"PYTHONPATH={program}", "/usr/bin/python3", "-P", "-m", f"appliance.directory.{kind}")
    try:
        done = run((*argv, "--settings", str(settings.folder), "--bring-back", str(export)), _PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise BackupError("disk", f"the directory ({kind}) was not made within {_PATIENCE:.0f} s") from error
    if done.returncode != 0:
        raise BackupError("disk", f"the directory ({kind}) cannot be made: {done.stderr.strip()}")


def _sqlite(export: Path, target: Path) -> None:
    """It becomes its folder's owner's, as a database that a part made itself."""
    if target.exists():
        return
    new = target.with_name(f".{target.name}.new")
    owner = target.parent.stat()
    shutil.copyfile(export, new)
    with new.open("rb") as file:
        if os.geteuid() == 0:
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
    new.rename(target)
    sync_folder(target.parent)
