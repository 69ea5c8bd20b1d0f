r"""Where a share of one person begins: links named as Samba knows people (``SCHULE\short.name``), made at sign-in.

May live here: those links, in folders that only root writes to. May not: who may follow them, which the kernel says.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

_FOLDER = 0o711


def point(folder: Path, name: str, target: Path) -> None:
    """Let ``folder/name`` lead to ``target``, at once and whole. Raises ``OSError``; ``ValueError`` for no name."""
    if not name or "/" in name or "\0" in name or name in (".", "..") or len(os.fsencode(name)) > 200:
        raise ValueError("that is no name of anybody")
    link = folder / name
    try:
        if link.readlink() == target:
            return
    except FileNotFoundError:
        folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        folder.chmod(_FOLDER)
    aside = folder / f".{os.getpid()}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.rename(link)


def sweep(folder: Path, stays: Callable[[str], bool]) -> None:
    """Remove the links from ``folder`` whose name is not to stay. Raises ``OSError``."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() and not stays(entry.name):
                (folder / entry.name).unlink()
