"""Makes a domain's databases of its export: ``/usr/bin/python3 -m appliance.directory.domain.returning SMB.CONF``.

A program of its own, because it lives in Samba's libraries: ``prepare`` runs it, with JSON on standard input:
``archive`` (``samba-tool domain backup offline``), ``into`` (an empty folder with the folders of databases), ``keep``
(files beside them that come along). The archive was made by the school's server: its dump's hash was signed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import ldb
from samba import Ldb
from samba.auth import system_session
from samba.param import LoadParm

_MARKERS = ("backupDate", "backupType", "sidForRestore")
_BESIDE = "etc/"  # where Samba puts what lies beside its smb.conf
_SYSVOL = "sysvol.tar.gz"
_RIGHTS = ".NTACL"
_RESET = ("/usr/bin/samba-tool", "ntacl", "sysvolreset")


def main(argv: list[str]) -> int:
    """Make them; return the exit code."""
    wanted = json.load(sys.stdin)
    into = Path(wanted["into"])
    with tarfile.open(wanted["archive"]) as archive:
        for member in _those(archive, ("private/", "state/")):
            archive.extract(member, into)
        for name in wanted["keep"]:
            _copy(archive, f"{_BESIDE}{name}", into / name)
        _copy(archive, _SYSVOL, into / _SYSVOL)
    _remove_markers(into / "private" / "sam.ldb", argv[0])
    _bring_sysvol(into / _SYSVOL, into / "state" / "sysvol")
    done = subprocess.run([*_RESET, f"--configfile={argv[0]}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr.strip() or done.stdout.strip(), file=sys.stderr)
    return done.returncode


def _those(archive: tarfile.TarFile, below: Sequence[str]) -> Iterator[tarfile.TarInfo]:
    """Plain files and folders below these, and nothing that leads out of them."""
    for member in archive:
        inside = member.name.startswith(tuple(below)) and ".." not in member.name.split("/")
        if inside and (member.isfile() or member.isdir()):
            yield member


def _copy(archive: tarfile.TarFile, name: str, target: Path) -> None:
    source = archive.extractfile(name)
    if source is None:
        raise KeyError(name)
    made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with source, os.fdopen(made, "wb") as file:
        shutil.copyfileobj(source, file)


def _remove_markers(database: Path, config: str) -> None:
    """Samba refuses to serve what is marked as a copy; no module is loaded, for none would let go of that."""
    options = LoadParm()
    options.load(config)
    marked = Ldb(
        url=str(database),
        session_info=system_session(),
        lp=options,
        options=["modules:"],
        flags=ldb.FLG_DONT_CREATE_DB,
    )
    place = ldb.Dn(marked, "@SAMBA_DSDB")
    found = marked.search(place, ldb.SCOPE_BASE)[0]
    change = ldb.Message(place)
    for name in _MARKERS:
        if name in found:
            change[name] = ldb.MessageElement([], ldb.FLAG_MOD_DELETE, name)
    if len(change):
        marked.modify(change)


def _bring_sysvol(packed: Path, sysvol: Path) -> None:
    """The content alone: who may do what there is said in the databases, from where it is set again."""
    sysvol.mkdir(mode=0o755)
    with tarfile.open(packed) as archive:
        for member in _those(archive, ("",)):
            if not member.name.endswith(_RIGHTS):
                archive.extract(member, sysvol, set_attrs=False)
    packed.unlink()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
