"""What lies in a snapshot, in the order of its manifest: a walk that never holds more than the folders above it.

May live here: that walk, and reading a section line by line. May not: comparing (``verify``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from appliance.backup_server.manifest import MOST_BYTES, Entry, ManifestError, Section

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1024 * 1024
_LONGEST = 64 * 1024  # a line: its path has up to 4,096 bytes


class There(NamedTuple):
    """Where an entry lies: ``name`` in the open ``folder``; ``path`` is that below its unit."""

    path: bytes
    folder: int
    name: bytes


def places(folder: int, name: bytes) -> Iterator[There]:
    """Give the unit ``name`` in the open ``folder`` and all below it, sorted by path, ``.`` first.

    A folder that cannot be read has nothing in it. ``folder`` of a place is open until the next one is asked for.
    """
    yield There(b".", folder, name)
    stack: list[tuple[int, bytes, Iterator[tuple[bytes, bytes, bool]]]] = []
    try:
        _enter(stack, folder, name, b"")
        while stack:
            descriptor, above, names = stack[-1]
            step = next(names, None)
            if step is None:
                os.close(stack.pop()[0])
                continue
            _key, inner, below = step
            if below:
                _enter(stack, descriptor, inner, above + inner + b"/")
            else:
                yield There(above + inner, descriptor, inner)
    finally:
        for descriptor, _above, _names in stack:
            os.close(descriptor)


def _enter(
    stack: list[tuple[int, bytes, Iterator[tuple[bytes, bytes, bool]]]], folder: int, name: bytes, above: bytes
) -> None:
    try:
        descriptor = os.open(name, FOLDER, dir_fd=folder)
    except OSError:
        return
    try:
        names = _names(descriptor)
    except OSError:
        names = []
    stack.append((descriptor, above, iter(names)))


def _names(descriptor: int) -> list[tuple[bytes, bytes, bool]]:
    """Each name once as itself and, if it is a folder's, again where its content comes: ``a``, ``a-b``, ``a/``."""
    found = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            found.append((name, name, False))
            if entry.is_dir(follow_symlinks=False):
                found.append((name + b"/", name, True))
    return sorted(found)


class SectionFile:
    """A section on the disk, read line by line; ``head``: what it says of itself, without lines.

    Raises :class:`ManifestError` unless its bytes have the name ``digest``, and OSError.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._file = path.open("rb")
        try:
            found, size = hashlib.sha256(), 0
            while data := self._file.read(_CHUNK):
                found.update(data)
                size += len(data)
            if found.hexdigest() != digest or size > MOST_BYTES:
                raise ManifestError("a section that is not as it was signed")
            self._file.seek(0)
            self.head = Section.trusted(self._file.readline(_LONGEST))
        except BaseException:
            self.close()
            raise

    def entries(self) -> Iterator[Entry]:
        """Give its entries; raises :class:`ManifestError` at a line that is none."""
        while line := self._file.readline(_LONGEST):
            yield Entry.read(line.removesuffix(b"\n"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> SectionFile:
        """Give itself, to be closed at the end."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close it."""
        self.close()
