"""What a service that writes mail or files adds to the ledger.

May live here: the one file that a writing process owns. May not: reading the sum (``ledger``), counting what lies on
the disk (``scan``).
"""

from __future__ import annotations

import os
import threading
from enum import StrEnum
from pathlib import Path
from typing import Final

from appliance.usage.claim import claim
from appliance.usage.table import Shape, Table


class Place(StrEnum):
    """What is counted."""

    MAIL = "mail"
    FILES = "files"


FOLDERS: Final = (
    (Place.MAIL, "mail"),
    (Place.FILES, "files"),
    (Place.FILES, "smb"),
    (Place.MAIL, "base/mail"),
    (Place.FILES, "base/files"),
)
"""Which folders have the files of writers of each place: one for each service that writes there, which owns it.

Below ``base``, the supervisor's, is what a restore added."""


class Delta:
    """The bytes that this process, and those that had the file before it, added for each account.

    ``folder`` is ``<runtime>/usage``; its sub-folder ``writer``, one of ``FOLDERS`` (as it is not said: called like
    ``place``), belongs to the writing service. Accounts have ids from ``first`` to ``last`` (directory.yaml). Make it
    after the fork: each process has a file of its own, and goes on with one that a dead process left. It survives a
    kill -9. Thread-safe; raises ``OSError`` when it cannot be made.
    """

    def __init__(self, folder: Path, place: Place, first: int, last: int, writer: str | None = None) -> None:
        self._guard = threading.Lock()
        shape = Shape(first, last - first + 1, 1)
        if (place, writer or place.value) not in FOLDERS:
            raise ValueError("nobody would read what is added there")
        self._descriptor = claim(folder / (writer or place), "delta", shape, 0o640)
        self._table = Table(self._descriptor, writable=True)

    def add(self, uid: int, amount: int) -> None:
        """Add ``amount`` bytes (below 0: removed) to the account ``uid``; an id that is no account's is not counted.

        To be called within a second before or after the change on the disk, so that counting the disk in between
        counts nothing twice.
        """
        with self._guard:
            self._table.add(0, uid, amount)

    def close(self) -> None:
        """Leave the file to the next writer. May be called more than once."""
        with self._guard:
            if self._descriptor >= 0:
                self._table.close()
                os.close(self._descriptor)
                self._descriptor = -1
