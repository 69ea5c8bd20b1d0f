"""The file format of the ledger: columns of 8-byte numbers, one row for each possible account id, mapped into memory.

May live here: header, size, mapping, one number read or written. May not: what a column means (``delta``, ``ledger``).

A file is a header of 64 bytes and then ``columns`` runs of ``count`` signed numbers in the machine's own order (the
files live on one machine and not beyond a boot). The row of an id is its distance from ``first``, so nothing is ever
moved, and each number is aligned: a store is one instruction, a reader in another process sees the old or the new one.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass

_MAGIC = b"SSUSAGE1"
_HEADER = struct.Struct("=8sqqq")
_HEADER_SIZE = 64
_NUMBER = 8
_MOST_ROWS = 4_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """Ids from ``first``, ``count`` of them, and how many numbers each has."""

    first: int
    count: int
    columns: int

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return _HEADER_SIZE + self.columns * self.count * _NUMBER

    @property
    def header(self) -> bytes:
        """The first bytes of the file."""
        return _HEADER.pack(_MAGIC, self.first, self.count, self.columns).ljust(_HEADER_SIZE, b"\0")


class Table:
    """The file open at ``descriptor``, mapped; the descriptor is not needed afterwards.

    Raises ``ValueError`` for anything but a whole table, ``OSError`` when it cannot be mapped.
    """

    def __init__(self, descriptor: int, *, writable: bool = False) -> None:
        self.shape = _shape(descriptor)
        self._map = mmap.mmap(descriptor, self.shape.size, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
        self._numbers = memoryview(self._map)[_HEADER_SIZE:].cast("q")

    def get(self, column: int, number: int) -> int:
        """Give a number of the id ``number``; 0 for one that has no row."""
        row = number - self.shape.first
        if not 0 <= row < self.shape.count:
            return 0
        return self._numbers[column * self.shape.count + row]

    def some(self, column: int, first: int, count: int) -> list[int]:
        """Give the numbers of ``count`` ids from ``first`` on; none unless all of them have a row."""
        row = first - self.shape.first
        if not 0 <= row <= self.shape.count - count:
            return []
        start = column * self.shape.count + row
        return self._numbers[start : start + count].tolist()

    def add(self, column: int, number: int, amount: int) -> None:
        """Add ``amount``; nothing for an id that has no row. Only one thread of one process may write to a table."""
        row = number - self.shape.first
        if 0 <= row < self.shape.count:
            self._numbers[column * self.shape.count + row] += amount

    def put(self, column: int, number: int, value: int) -> None:
        """Make a number ``value``; as :meth:`add`."""
        row = number - self.shape.first
        if 0 <= row < self.shape.count:
            self._numbers[column * self.shape.count + row] = value

    def close(self) -> None:
        """Give the memory back."""
        self._numbers.release()
        self._map.close()


def write_empty(descriptor: int, shape: Shape) -> None:
    """Make the file at ``descriptor`` a table of zeros; its space is taken at once. Raises ``OSError``.

    Without the space a later store would end the process instead of raising an error.
    """
    os.ftruncate(descriptor, 0)
    os.posix_fallocate(descriptor, 0, shape.size)
    os.pwrite(descriptor, shape.header, 0)  # last: without it the file is no table yet


def _shape(descriptor: int) -> Shape:
    data = os.pread(descriptor, _HEADER.size, 0)
    if len(data) < _HEADER.size:
        raise ValueError("no table of the ledger: too short")
    magic, first, count, columns = _HEADER.unpack(data)
    shape = Shape(first, count, columns)
    if magic != _MAGIC or not 0 < count <= _MOST_ROWS or not 0 < columns < 16:
        raise ValueError("no table of the ledger")
    if os.fstat(descriptor).st_size != shape.size:
        raise ValueError("a table of the ledger that is not whole")
    return shape
