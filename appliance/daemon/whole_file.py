"""Writing a file whole: whoever reads it sees the old one or the new one, also after a power cut or on a full disk."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.daemon.descriptors import opened

Owner = tuple[int, int]  # uid, gid; -1 leaves it as it is


def write_whole(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """Put ``data`` at ``path`` with ``mode`` and ``owner``; raise OSError and leave everything as it was."""
    candidate = write_candidate(path, data, mode, owner)
    try:
        candidate.rename(path)
    except BaseException:
        candidate.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_candidate(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> Path:
    """Write ``data`` to a new file beside ``path``, synced to the disk, and return its path.

    Raise OSError and leave nothing. There is one writer for a path; what a killed one left is replaced.
    """
    candidate = path.with_name(f".{path.name}.new")
    candidate.unlink(missing_ok=True)
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
    except BaseException:
        candidate.unlink(missing_ok=True)
        raise
    return candidate


def sync_folder(folder: Path | str) -> None:
    """Bring the names in ``folder`` to the disk."""
    with opened(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as descriptor:
        os.fsync(descriptor)
