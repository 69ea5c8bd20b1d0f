"""The demo's proof of the backup: copied over ssh, deleted, brought back to its owner byte for byte (K07)."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.supervisor.client import ServerRefused

if TYPE_CHECKING:
    from appliance.demo.proof import School

_SIZE = 300_000
_PATIENCE = 30.0
_LONG_AGO = 1_600_000_000


def _copy_and_back(school: School) -> tuple[bool, str]:
    """A pupil's file is copied, deleted and restored, with bytes, owner, mode and time."""
    home = school.settings.server.data / "homes" / school.pupil.login
    folder = home / f"Sicherung-{secrets.token_hex(4)}"
    content = secrets.token_bytes(_SIZE)
    lost = _write(home, folder, content)
    before = lost.stat()
    came: Path | None = None
    try:
        made = _copied(school)
        shutil.rmtree(folder)
        path = lost.relative_to(home)
        answer = school.client.call("restore", {"user": school.pupil.login, "paths": [str(path)]})
        came = home / answer["folder"]
        after = (came / path).stat()
        same = (came / path).read_bytes() == content and not lost.exists()
        kept = [
            getattr(before, name) == getattr(after, name) for name in ("st_uid", "st_gid", "st_mode", "st_mtime_ns")
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if came is not None:
            shutil.rmtree(came, ignore_errors=True)
    detail = (
        f"copy {made['snapshot']} of {made['figures']['files']} files, {made['figures']['changed']} of them sent; "
        f"{_SIZE:,} bytes came back into {answer['folder']}, owner, mode and time kept: {all(kept)}"
    )
    return same and all(kept), detail


def _copied(school: School) -> dict[str, Any]:
    """Make a copy, after the one that may be under way because the demo did not run last night."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return school.client.call("backup.run", {})
        except ServerRefused as refusal:
            if refusal.kind != "busy" or time.monotonic() > deadline:
                raise


def _write(home: Path, folder: Path, content: bytes) -> Path:
    owner = home.stat()
    folder.mkdir(mode=0o700)
    path = folder / "Aufsatz über Äpfel.bin"
    path.write_bytes(content)
    path.chmod(0o640)
    for one in (folder, path):
        os.chown(one, owner.st_uid, owner.st_gid)
    os.utime(path, (_LONG_AGO, _LONG_AGO))
    return path


EXCHANGES: tuple[tuple[str, Callable[[School], tuple[bool, str]]], ...] = (("backup: copy and back", _copy_and_back),)
