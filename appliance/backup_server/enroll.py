"""What a school has on this machine: its user, its folders, the two keys that are let in.

May live here: making and finding them. May not: deciding whom to believe (``pair``), what lies in the folders.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from appliance.backup_server import ssh_key, store
from appliance.backup_server.kept_file import write_kept
from appliance.backup_server.names import SCHOOL
from appliance.backup_server.pairing import SchoolValues
from appliance.backup_server.settings import Settings

_RECEIVER = "/usr/lib/schoolserver-backup-server/receiver"
_COMMENT = "Copies of a school's server"
_GROUP = "schoolbackup"


@dataclass(frozen=True, slots=True)
class Places:
    """Where copies (``settings``) and keys are; with ``accounts`` each school has a user of its own."""

    settings: Settings = field(default_factory=Settings)
    homes: Path = Path("/var/lib/schoolbackup")
    accounts: bool = True

    def keys(self, school: str) -> Path:
        """The file of the keys that are let in for ``school``."""
        return self.homes / school / ".ssh" / "authorized_keys"


def user(school: str) -> str:
    """Give the name of the user who is ``school`` here."""
    return f"schoolbackup-{school}"


def paired(places: Places, school: str) -> float | None:
    """When keys were let in for ``school`` (seconds of the epoch), ``None``: none are."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = places.keys(school).stat()
        return found.st_mtime if found.st_size else None
    return None


def schools(places: Places) -> list[str]:
    """Give the schools that are let in or have copies here, sorted; raises ``OSError``."""
    known = [one.name for one in places.homes.iterdir() if SCHOOL.fullmatch(one.name)] if places.homes.is_dir() else []
    return sorted({*(name for name in known if paired(places, name)), *store.schools(places.settings)})


def enroll(places: Places, school: str, keys: SchoolValues) -> None:
    """Make what is missing for ``school`` and let in these ``keys`` and no other; raises ``OSError``.

    The keys come last: what is cut short lets nobody in.
    """
    uid, gid = _account(places, school) if places.accounts else (os.geteuid(), os.getegid())
    places.homes.mkdir(mode=0o711, parents=True, exist_ok=True)
    home = places.homes / school
    for folder in (home, home / ".ssh"):
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, -1, gid)
        folder.chmod(0o750)
    store.prepare(places.settings, school, uid, gid)
    command = f"{_RECEIVER} {school}"
    text = (
        f'restrict,command="{command}" {ssh_key.checked(keys.key)} {school}\n'
        f'restrict,command="{command} --read-only" {ssh_key.checked(keys.recovery)} recovery-of-{school}\n'
    )
    write_kept(places.keys(school), text.encode("ascii"), 0o640)


def _account(places: Places, school: str) -> tuple[int, int]:
    """Number and group of the school's user, who is made where there is none; his password opens nothing."""
    name = user(school)
    with contextlib.suppress(KeyError):
        found = pwd.getpwnam(name)
        return found.pw_uid, found.pw_gid
    argv = ("/usr/sbin/useradd", "--system", "--user-group", "--groups", _GROUP, "--no-create-home")
    # ssh runs the one command by the shell; with "*" as a password sshd lets keys in, whether it uses PAM or not.
    who = ("--home-dir", str(places.homes / school), "--shell", "/bin/sh", "--password", "*", "--comment", _COMMENT)
    done = subprocess.run((*argv, *who, name), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"useradd: {done.stderr.strip() or done.returncode}")
    found = pwd.getpwnam(name)
    return found.pw_uid, found.pw_gid
