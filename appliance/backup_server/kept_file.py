"""A small file of this machine's own in a school's store: whole, on the disk, for its group to read at most."""

from __future__ import annotations

import os
from pathlib import Path


def write_kept(path: Path, data: bytes, mode: int) -> None:
    """Put ``data`` at ``path`` with ``mode`` and its folder's group; raise ``OSError`` and leave all as it was."""
    candidate = path.with_name(f".{path.name}.new")
    candidate.unlink(missing_ok=True)
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if os.geteuid() == 0:
            os.fchown(descriptor, 0, path.parent.stat().st_gid)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    candidate.rename(path)
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)
