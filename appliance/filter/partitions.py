"""Sorting more nodes than memory should hold: by the upper bits of their hashes into files, then file by file.

May live here: the files, what is written once of what comes often. May not: what a node means.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.filter.keys import WIDTH

MOST_CODES: Final = 1 << 12
"""A code is below it."""
_FILES_BITS: Final = 8
_CODE_BITS: Final = 12
_KEPT: Final = WIDTH - _FILES_BITS
_REST: Final = (1 << _KEPT) - 1
_CODE: Final = MOST_CODES - 1
_BUFFERED: Final = 2048
_REMEMBERED: Final = 200_000


class Partitions:
    """Nodes in files below ``folder``, which exists and is empty; hashes have ``keys.WIDTH`` bits."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / f"{number:02x}" for number in range(1 << _FILES_BITS)]
        self._buffers = [array("Q") for _ in self._paths]
        self._seen: set[int] = set()
        self._records = 0

    def add(self, node: int, code: int) -> None:
        """Say that the node of this hash has ``code``; as often as one likes."""
        record = node << _CODE_BITS | code
        if record in self._seen:
            return
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen.add(record)
        self._records += 1
        buffer = self._buffers[node >> _KEPT]
        buffer.append((node & _REST) << _CODE_BITS | code)
        if len(buffer) >= _BUFFERED:
            self._write(node >> _KEPT)

    @property
    def most(self) -> int:
        """So many nodes there are at the most."""
        return self._records

    def nodes(self, drop: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Give each node's hash without its ``drop`` lowest bits, and its codes, both in order.

        Nothing may be added any more.
        """
        self._seen.clear()
        for number, path in enumerate(self._paths):
            records, self._buffers[number] = self._buffers[number], array("Q")
            if path.exists():
                records.frombytes(path.read_bytes())
                path.unlink()
            records = array("Q", sorted(records))
            for rest, group in itertools.groupby(records, key=lambda record: record >> _CODE_BITS + drop):
                yield number << _KEPT - drop | rest, tuple(sorted({record & _CODE for record in group}))

    def _write(self, number: int) -> None:
        with self._paths[number].open("ab") as file:
            self._buffers[number].tofile(file)
        del self._buffers[number][:]
