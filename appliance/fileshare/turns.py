"""Workers take turns in one folder: what a file takes the place of is counted and gone in one step, or never counted.

May live here: that turn. May not: what is done in it, which must be short: looking and renaming, never writing. Without
it, of two who replace the same file at once both pay back the former one, and nobody the first of the new ones.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def alone_in(folder: int) -> Iterator[None]:
    """Be the only one of all workers in the folder of this descriptor until the end; see flock(2), not to be nested."""
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)
