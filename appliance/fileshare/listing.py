"""What lies in a folder, piece by piece: a folder may have any number of entries, and nobody waits for all of them.

May live here: reading a folder that is open. May not: how it is shown (``looking``), the way to it (``store``).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Protocol

from appliance.fileshare.acting import Acting, Person
from appliance.fileshare.shares import is_name
from appliance.usage.unfinished import UNFINISHED

_PIECE = 250  # entries: looking at so many and showing them takes a few milliseconds
_IN_ORDER = 1_000


class Pieces(Protocol):
    """Entries by name, some at a time."""

    def piece(self) -> Mapping[str, os.stat_result] | None:
        """Give some more, perhaps none; ``None`` when there are no more. Raises ``OSError``."""
        ...

    def close(self) -> None:
        """Give back what it holds. May be called more than once."""
        ...


class Listing:
    """Reads the ``folder`` (a descriptor, which it owns) as ``person``.

    Unfinished files and names that cannot be shown are left out. Of the first thousand entries the names are in order,
    so that most folders are; the others come as the disk has them.
    """

    def __init__(self, acting: Acting, person: Person, folder: int) -> None:
        self._acting = acting
        self._person = person
        self._folder = folder
        self._left: Iterator[os.DirEntry[str]] | None = None
        self._scan: os._ScandirIterator[str] | None = None

    def piece(self) -> Mapping[str, os.stat_result] | None:
        """Give some more entries, whatever vanishes meanwhile."""
        if self._folder < 0:
            return None
        found: dict[str, os.stat_result] = {}
        with self._acting.as_person(self._person):
            if self._left is None:
                self._scan = os.scandir(self._folder)
                first = sorted(islice(self._scan, _IN_ORDER), key=lambda entry: entry.name)
                self._left = chain(first, self._scan)
            taken = 0
            for entry in islice(self._left, _PIECE):
                taken += 1
                if is_shown(entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        found[entry.name] = entry.stat(follow_symlinks=False)
        return found if taken else None

    def close(self) -> None:
        """Close the folder."""
        if self._scan is not None:
            self._scan.close()
        self._left = self._scan = None
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1


def is_shown(name: str) -> bool:
    """Whether a file of that name is anybody's business."""
    return is_name(name) and not name.startswith(UNFINISHED)
