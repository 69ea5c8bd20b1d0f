"""The sealed dump, opened: settings and state into their places, the databases' exports beside them.

May live here: what of the dump goes where, and whose it becomes. May not: fetching it, making databases. It is read
twice: first to see whether it fits this machine, before anything is written. Its hash is one that the school signed;
still nothing in it leads out of the folders that it is for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from appliance.backup.dump_layout import EXPORTS, SETTINGS, STATE, USERS, Users
from appliance.backup.problem import BackupError
from appliance.recovery.owners import Owners

_AGE: Final = "/usr/bin/age"
_FORMAT: Final = f"{STATE}/state-format"
_NOT_HERE: Final = ("set-up", "with-", "setup/under-way", "state-format", "recovery")
"""Of the state: that a setup was there, and what the packages of this machine say themselves."""

_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """The dump in the file ``path``; the key that opens it is in the file ``key``."""

    path: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Inside:
    """What is in a dump: ``users`` of the machine that is gone, ``settings`` (file name -> text), ``size`` in bytes.

    ``form``: the number of its state's form, as packages write it.
    """

    users: Users
    settings: Mapping[str, str]
    form: int
    size: int


@dataclass(frozen=True, slots=True)
class Targets:
    """Where what goes: the folders of settings, state and exports."""

    settings: Path
    state: Path
    exports: Path

    def of(self, name: str) -> Path | None:
        """Give the place of a member of the archive; ``None``: it is not for this machine."""
        top, _, inner = name.partition("/")
        if top == STATE and inner.startswith(_NOT_HERE):
            return None
        folder = {SETTINGS: self.settings, STATE: self.state, EXPORTS: self.exports}.get(top)
        return None if folder is None else folder / inner


def look(sealed: Sealed) -> Inside:
    """Read all of it and write nothing; raises :class:`BackupError`, ``OSError``."""
    users, settings, form, size = None, {}, 0, 0
    with _opened(sealed) as archive:
        for member in archive:
            size += member.size
            if member.name == USERS:
                users = Users.decode(_content(archive, member))
            elif member.name == _FORMAT:
                form = int(_content(archive, member))
            elif member.name.startswith(f"{SETTINGS}/") and member.name.endswith((".yaml", ".yml")):
                settings[member.name.removeprefix(f"{SETTINGS}/")] = _content(archive, member).decode()
    if users is None:
        raise BackupError("refused", "the dump has no table of users; was it made by another version?")
    return Inside(users, {name: text for name, text in settings.items() if "/" not in name}, form, size)


def unpack(sealed: Sealed, targets: Targets, owners: Owners, names: Users) -> None:
    """Put everything into its place, with owner, mode and time; ``names`` are this machine's users.

    Can be done again. Raises :class:`BackupError`, ``OSError``.
    """
    targets.exports.mkdir(mode=0o700, exist_ok=True)
    links: set[Path] = set()
    with _opened(sealed) as archive:
        for member in archive:
            target = targets.of(member.name)
            if target is None:
                continue
            if any(part in ("", ".", "..") for part in member.name.split("/")) or links & {target, *target.parents}:
                raise BackupError("refused", "the dump has a name that leads out of its folder")
            if member.issym():
                links.add(target)
            member.uid, member.gid = _owner(member, owners, names)
            _put(archive, member, target)


def _owner(member: tarfile.TarInfo, owners: Owners, names: Users) -> tuple[int, int]:
    """By name where the name is one of ours, else by the number that it had."""
    return (
        names.users.get(member.uname, owners.uid(member.uid)),
        names.groups.get(member.gname, owners.gid(member.gid)),
    )


def _put(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """A folder, link or file; there is nothing else in a dump."""
    owner = (member.uid, member.gid) if os.geteuid() == 0 else (-1, -1)
    if member.isdir():
        target.mkdir(mode=0o700, exist_ok=True)
        os.chown(target, *owner)
        target.chmod(member.mode & 0o7777)
    elif member.issym():
        target.unlink(missing_ok=True)
        target.symlink_to(member.linkname)
        os.lchown(target, *owner)
    elif (source := archive.extractfile(member)) is not None:
        target.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with source, os.fdopen(os.open(target, flags, 0o600), "wb") as file:
            shutil.copyfileobj(source, file, _LONGEST)
            file.flush()
            os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), member.mode & 0o7777)
            os.utime(file.fileno(), (member.mtime, member.mtime))


@contextlib.contextmanager
def _opened(sealed: Sealed) -> Iterator[tarfile.TarFile]:
    """The archive as age gives it, from front to back."""
    with subprocess.Popen(
        (_AGE, "--decrypt", "--identity", str(sealed.key), str(sealed.path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/"},
    ) as age:
        assert age.stdout is not None  # noqa: S101 - it was asked for
        try:
            with tarfile.open(fileobj=age.stdout, mode="r|") as archive:
                yield archive
            _drain(age.stdout)
        except (tarfile.TarError, EOFError, ValueError) as error:
            age.kill()
            raise BackupError(
                "refused", "the dump cannot be opened with the key on this sheet, or is broken"
            ) from error
        except BaseException:
            age.kill()
            raise
    if age.returncode != 0:
        raise BackupError("refused", "the dump cannot be opened with the key on this sheet, or is broken")


def _drain(rest: IO[bytes]) -> None:
    while rest.read(_LONGEST):
        pass


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > _LONGEST:
        raise BackupError("refused", "the dump is not laid out as it must be")
    with file:
        return file.read()
