"""The sealed dump: settings, state, exported databases and a table of our system users, for the recovery key alone.

May live here: what is left out of it, and how it is sealed (tar, then age). May not: what lies where (``dump_layout``),
how a database is exported (``export``), or opening it. It is written as a stream: nothing of it lies open on the disk
but the exports, which go when it is done.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from appliance.backup.dump_layout import EXPORTS, SETTINGS, STATE, USERS, of_this_machine
from appliance.backup.problem import BackupError
from appliance.backup_server.lines import hash_of_file

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_AGE: Final = "/usr/bin/age"
_LEFT_OUT: Final = frozenset({"backup", "log", "audit", "filter", "directory/db", "directory/lock", "domain"})
"""Of the state: our own keys and records, logs, what is copied as a part, what is fetched again, what is exported."""

_NOTHING: Final[frozenset[str]] = frozenset()
_LIVING: Final = (".db", ".db-wal", ".db-shm", ".db-journal", ".tally")


def dump(settings: Settings, exports: Path, recovery: Path, into: Path) -> str:
    """Write the dump to ``into``, sealed to the public key ``recovery``; gives its SHA-256 in hex.

    Raises :class:`BackupError`; then nothing is there.
    """
    if not recovery.exists():
        raise BackupError("not-set-up", "there is no recovery key; see schoolserver backup pair")
    new = into.with_name(f".{into.name}.new")
    try:
        with new.open("wb") as output:
            new.chmod(0o600)
            found = _sealed(settings, exports, recovery, output)
            os.fsync(output.fileno())
        new.rename(into)
    except OSError as error:
        raise BackupError("disk", f"the dump cannot be written: {os.strerror(error.errno or 0)}") from error
    finally:
        new.unlink(missing_ok=True)
    return found


def _sealed(settings: Settings, exports: Path, recovery: Path, output: IO[bytes]) -> str:
    with subprocess.Popen(
        (_AGE, "--encrypt", "--recipients-file", str(recovery)),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/"},
    ) as age:
        assert age.stdin is not None  # noqa: S101 - it was asked for
        try:
            with age.stdin as stream, tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
                _fill(archive, settings, exports)
        except BrokenPipeError:
            pass  # its exit code says why
        except BaseException:
            age.kill()
            raise
    if age.returncode != 0:
        raise BackupError("not-set-up", f"the dump cannot be sealed: age ended with {age.returncode}")
    return hash_of_file(Path(output.name))


def _fill(archive: tarfile.TarFile, settings: Settings, exports: Path) -> None:
    _add_bytes(archive, USERS, of_this_machine().encode())
    for name, folder, without in (
        (SETTINGS, settings.folder, _NOTHING),
        (STATE, settings.server.state, _LEFT_OUT),
        (EXPORTS, exports, _NOTHING),
    ):
        for path, inner in _below(folder, "", without):
            if name != STATE or not inner.endswith(_LIVING):
                _add(archive, path, f"{name}/{inner}".rstrip("/"))


def _below(folder: Path, inner: str, without: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Everything below ``folder``, itself first, with its path from there; what goes away meanwhile is left out."""
    yield folder, inner
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        path = f"{inner}/{entry.name}".lstrip("/")
        if path in without:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), path, without)
        else:
            yield Path(entry.path), path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Put a file, folder or link in with its owner's name; a file that is cut off meanwhile is filled with zeros."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            if stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode):
                archive.add(path, name, recursive=False)
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as file:
        member = archive.gettarinfo(arcname=name, fileobj=file)
        member.type, member.linkname, member.size = tarfile.REGTYPE, "", os.fstat(descriptor).st_size
        archive.addfile(member, _Filled(file))


class _Filled(io.RawIOBase):
    """A file that goes on with zeros where it ends too early."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size).ljust(max(size, 0), b"\0")


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o600
    archive.addfile(member, io.BytesIO(data))
