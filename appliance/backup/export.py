"""Databases for the copy: each as it is at one moment, while its owner goes on writing.

May live here: how SQLite, slapd and Samba give a whole picture of themselves. May not: what is in them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.backup.problem import BackupError
from appliance.daemon.identities import Identities
from appliance.daemon.program import run

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_PATIENCE = 30.0
_SLAPCAT = "/usr/sbin/slapcat"
_SLAPCAT_TIME = 600.0
_SAMBA_TOOL = "/usr/bin/samba-tool"
_SAMBA_TIME = 600.0
_BESIDE = ("administrator.password", "made-for")
_NOT_KEPT = frozenset({"audit", "backup"})


def export(settings: Settings, folder: Path) -> None:
    """Write every database below the state into ``folder``, emptied before; raises :class:`BackupError`."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        for database in _databases(settings.server.state):
            target = folder / database.parent.name
            target.mkdir(mode=0o700, exist_ok=True)
            _sqlite(database, target / database.name)
        if settings.directory.kind == "slapd":
            _slapd(settings, folder / "directory.ldif")
        if settings.directory.kind == "domain":
            _domain(settings, folder / "domain")
    except OSError as error:
        raise BackupError("disk", f"databases cannot be exported: {os.strerror(error.errno or 0)}") from error


def _databases(state: Path) -> Iterator[Path]:
    for path in sorted(state.glob("*/*.db")):
        if path.parent.name not in _NOT_KEPT and path.is_file() and not path.is_symlink():
            yield path


def _sqlite(source: Path, target: Path) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", _PATIENCE, uri=True)) as living,
            contextlib.closing(sqlite3.connect(target)) as copied,
        ):
            living.backup(copied)
    except sqlite3.Error as error:
        raise BackupError("unreadable", f"the database of {source.parent.name} cannot be exported: {error}") from error


def _slapd(settings: Settings, target: Path) -> None:
    """Slapd's own export, run as slapd's user: a file that it makes by the way must not belong to root."""
    place = settings.server.state / "directory"
    if not (place / "db" / "data.mdb").exists():
        return
    identity = Identities(settings.server).of("directory")
    other = os.geteuid() == 0 and identity.uid != 0
    with target.open("xb") as output:
        try:
            done = subprocess.run(
                [_SLAPCAT, "-f", str(place / "slapd.conf"), "-o", "ldif-wrap=no"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                timeout=_SLAPCAT_TIME,
                check=False,
                cwd="/",
                user=identity.uid if other else None,
                group=identity.gid if other else None,
                extra_groups=[] if other else None,
            )
        except (subprocess.SubprocessError, FileNotFoundError) as error:
            raise BackupError("unreadable", f"the directory cannot be exported: {type(error).__name__}") from error
    if done.returncode != 0:
        raise BackupError("unreadable", f"the directory cannot be exported: slapcat ended with {done.returncode}")


def _domain(settings: Settings, folder: Path) -> None:
    """Samba's own export of a domain controller that goes on serving: databases, keys and group policies, one archive.

    Samba names it by date; it lies in ``folder``, 0700 as the databases are, under one name of ours. It packs all that
    lies beside its smb.conf, too, which is why that is a copy: beside the real one are locks, which come and go.
    """
    config = settings.server.state / "domain" / "smb.conf"
    if not config.exists():
        return
    folder.mkdir(mode=0o700)
    beside = folder / "etc"
    beside.mkdir(mode=0o700)
    for name in (config.name, *_BESIDE):
        (beside / name).write_bytes((config.parent / name).read_bytes())
    argv = (_SAMBA_TOOL, "domain", "backup", "offline", "--configfile", str(beside / config.name))
    try:
        done = run((*argv, "--targetdir", str(folder)), _SAMBA_TIME)
    except (subprocess.SubprocessError, FileNotFoundError) as error:
        raise BackupError("unreadable", f"the domain cannot be exported: {type(error).__name__}") from error
    made = list(folder.glob("samba-backup-*.tar.bz2"))
    if done.returncode != 0 or len(made) != 1:
        raise BackupError("unreadable", f"the domain cannot be exported: samba-tool ended with {done.returncode}")
    shutil.rmtree(beside)
    made[0].chmod(0o600)
    made[0].rename(folder / "domain.tar.bz2")
