"""Folders by descriptor: what is named relative to an open one cannot be led elsewhere meanwhile (openat(2)).

May live here: single steps. May not: whole trees (``walking``), what is in a file (``whole_file``).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened."""


@contextlib.contextmanager
def opened(descriptor: int) -> Iterator[int]:
    """Close ``descriptor`` at the end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def exists(name: str, folder: int) -> bool:
    """Whether something is called ``name`` in the open ``folder``."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
