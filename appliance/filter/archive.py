"""What a list came in: a plain file, gzip, or a tar with folders of squidGuard. Nothing of it is unpacked to the disk.

May live here: taking bytes out of an archive that a stranger made, with bounds. May not: what the bytes mean
(``lines``, ``formats``). Links in an archive are passed over (UT1 has some), names that lead out of it refuse it whole.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, NamedTuple, NoReturn, cast

from appliance.filter.lines import ListRefused

MEMBERS: Final = 10_000
"""Files and folders that an archive may have."""

_HEADER = 64 * 1024
_PIECE = 256 * 1024
_GZIP = b"\x1f\x8b"
_FOREIGN = {
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7-Zip",
}
_TYPES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE}
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, ValueError, OverflowError, RecursionError)
"""What unpacking raises; the last one where headers follow headers without end."""


class Member(NamedTuple):
    """A file of a folder of squidGuard: ``kind`` is its name (``domains``), ``category`` that of its folder."""

    category: str
    kind: str
    file: IO[bytes]


@contextmanager
def plain(path: Path, largest: int) -> Iterator[IO[bytes]]:
    """Open the file ``path``, unpacked if it is gzip; at most ``largest`` bytes. Raises as :func:`members`."""
    with path.open("rb") as file:
        yield cast("IO[bytes]", io.BufferedReader(_Bounded(_unpacked(file), largest), _PIECE))


def members(path: Path, largest: int) -> Iterator[Member]:
    """Give the files of the tar ``path`` (with gzip or without) that have a folder; each is to be read at once.

    Raises :class:`ListRefused` for more than ``largest`` bytes, and for an archive that holds anything but files,
    folders and links within; ``OSError``; and, here and while a file is read, what :func:`refusing` knows.
    """
    with path.open("rb") as file:
        bounded = _Bounded(_unpacked(file), largest)
        with tarfile.open(fileobj=cast("IO[bytes]", bounded), mode="r|", tarinfo=_Careful, bufsize=_PIECE) as archive:
            for number, found in enumerate(archive, 1):
                if number > MEMBERS:
                    raise ListRefused(f"the archive has more than {MEMBERS:,} files")
                yield from _member(archive, found)
        while bounded.read(_PIECE):  # the sum of gzip stands at the end
            pass


@contextmanager
def refusing() -> Iterator[None]:
    """Make errors of unpacking what is broken into :class:`ListRefused`."""
    try:
        yield
    except MemoryError:
        raise ListRefused("reading it takes more memory than there is for it") from None
    except _BROKEN as error:
        raise ListRefused(f"it is cut off or broken ({str(error)[:100] or type(error).__name__})") from error


def _member(archive: tarfile.TarFile, found: tarfile.TarInfo) -> Iterator[Member]:
    if found.type not in _TYPES or found.issparse():
        raise ListRefused("the archive holds something that is neither file nor folder")
    name = PurePosixPath(found.name)
    if _escapes(name) or (found.islnk() and _escapes(PurePosixPath(found.linkname))):
        raise ListRefused("a name in the archive leads out of it")
    if found.issym() and _escapes(PurePosixPath("x", *name.parts[1:-1], found.linkname), len(name.parts) - 1):
        raise ListRefused("a link in the archive leads out of it")
    opened = archive.extractfile(found) if found.isreg() else None
    if opened is not None and len(name.parts) > 1:
        yield Member(name.parts[-2], name.parts[-1], opened)


def _escapes(path: PurePosixPath, depth: int = 0) -> bool:
    """Whether ``path`` is absolute or goes up at all; a link may go up as far as it is deep."""
    ups = path.parts.count("..")
    return path.is_absolute() or ups > depth


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    start = file.read(6)
    file.seek(0)
    for magic, name in _FOREIGN.items():
        if start.startswith(magic):
            raise ListRefused(f"it is packed with {name}; gzip is understood")
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if start.startswith(_GZIP) else file


class _Bounded(io.RawIOBase):
    """Gives the bytes of ``file`` as long as there are at most ``largest``."""

    def __init__(self, file: IO[bytes], largest: int) -> None:
        super().__init__()
        self._file = file
        self._left = largest
        self._largest = largest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise ListRefused(f"unpacked it has more than {self._largest:,} bytes")
        buffer[: len(data)] = data
        return len(data)


class _Careful(tarfile.TarInfo):
    """Refuses headers that would be read into memory whole, and sparse files, whose size is a claim."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        plain = self.type in _TYPES
        if not plain and (self.size > _HEADER or self.type == tarfile.GNUTYPE_SPARSE):
            raise ListRefused("the archive has a header that no list needs")
        return cast(tarfile.TarInfo, super()._proc_member(archive))  # type: ignore[misc]

    def _sparse(self, *_told: object) -> NoReturn:
        raise ListRefused("the archive has a header that no list needs")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _sparse
    """As pax headers tell of sparse files: a map of a gigabyte packs to some hundred kilobytes."""
