"""What the last run knew of each unit, so that a file that did not change is not read again.

May live here: how it lies on the disk, for root alone. May not: what follows from it. Everything in it is checked by a
sum: what is lost, cut off or of another version is not there, and is found again by reading all files. It never gives a
wrong line.
"""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from appliance.backup.scan import STAMP
from appliance.backup.units import Unit
from appliance.backup_server.manifest import ManifestError, Section, digest, path_of
from appliance.daemon.whole_file import write_whole

NEVER: Final = bytes(STAMP.size)
"""The stamp of what is to be looked at again in any case."""

_MAGIC: Final = b"schoolserver stamps 1\n"
_SUM: Final = 32


@dataclass(frozen=True, slots=True)
class Known:
    """A unit as it was: ``digest`` of its scan in hex (empty: to be looked at again), its section's name, its salt.

    ``uid`` as in the section, ``lines`` their number.
    """

    digest: str
    section: str
    salt: str
    uid: int | None
    lines: int


Lines = dict[bytes, tuple[bytes, bytes]]
"""A unit's lines by path, each with the stamp of what it was made of."""


class Cache:
    """The folder ``stamps``, and ``sections`` where each section lies by its name; both are ours alone."""

    def __init__(self, stamps: Path, sections: Path) -> None:
        self._stamps = stamps
        self._sections = sections
        for folder in (stamps, sections):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> dict[Unit, Known]:
        """What is known of every unit; raises nothing: what cannot be read is not known."""
        try:
            kept = json.loads((self._stamps / "units.json").read_bytes())
            return {Unit(part, name): Known(*known) for part, name, known in kept}
        except (OSError, ValueError, TypeError):
            return {}

    def note(self, units: Mapping[Unit, Known]) -> None:
        """Keep what is known so far; raises ``OSError``."""
        kept = [(unit.part, unit.name, astuple(known)) for unit, known in units.items()]
        write_whole(self._stamps / "units.json", json.dumps(kept).encode(), 0o600)

    def write(self, units: Mapping[Unit, Known]) -> None:
        """Keep what is known now of all units, and forget the others; raises ``OSError``."""
        self.note(units)
        _keep_only(self._stamps, {"units.json", *(_file_of(unit) for unit in units)})

    def section(self, name: str) -> Section | None:
        """The section of this name, or ``None`` where it is not, or not whole."""
        try:
            data = (self._sections / name).read_bytes()
            return Section.trusted(data) if digest(data) == name else None
        except (OSError, ManifestError):
            return None

    def lines(self, unit: Unit, known: Known) -> Lines:
        """The lines of ``unit``, empty where they are not known."""
        section, stamps = self._kept(unit, known)
        return dict(zip(map(path_of, section), zip(_cut(stamps), section, strict=True), strict=True))

    def some(self, unit: Unit, known: Known, paths: Iterable[bytes]) -> Lines:
        """Those of the lines that are of these ``paths``, found by halving: a section's lines are in order."""
        section, stamps = self._kept(unit, known)
        found: Lines = {}
        for path in paths:
            at = 0 if path == b"." else bisect_left(section, path, min(1, len(section)), key=path_of)
            if at < len(section) and path_of(section[at]) == path:
                found[path] = stamps[at * STAMP.size : (at + 1) * STAMP.size], section[at]
        return found

    def _kept(self, unit: Unit, known: Known) -> tuple[Sequence[bytes], bytes]:
        """Lines and stamps, one behind the other; none where they are not what was kept."""
        section = self.section(known.section)
        try:
            kept = (self._stamps / _file_of(unit)).read_bytes()
        except OSError:
            return (), b""
        head, stamps = kept[: len(_MAGIC) + _SUM], kept[len(_MAGIC) + _SUM :]
        if section is None or head != _MAGIC + _sum(known.section, stamps):
            return (), b""
        return section.lines, stamps

    def keep(self, section: Section, stamps: list[bytes]) -> str:
        """Put a section on the disk with the stamps of its lines; gives its name. Raises ``OSError``."""
        data = section.encode()
        name = digest(data)
        joined = b"".join(stamps)
        _put(self._sections / name, data)
        unit = Unit(section.part, section.unit)
        _put(self._stamps / _file_of(unit), _MAGIC + _sum(name, joined) + joined)
        return name

    def forget_sections(self, but: Collection[str]) -> None:
        """Remove the sections that nothing needs any more; raises ``OSError``."""
        _keep_only(self._sections, set(but))


def _sum(section: str, stamps: bytes) -> bytes:
    return hashlib.sha256(section.encode() + stamps).digest()


def _cut(stamps: bytes) -> Iterator[bytes]:
    return (stamps[at : at + STAMP.size] for at in range(0, len(stamps), STAMP.size))


def _file_of(unit: Unit) -> str:
    return hashlib.sha256(f"{unit.part}/{unit.name}".encode()).hexdigest()[:40]


def _put(path: Path, data: bytes) -> None:
    """Write without waiting for the disk: what a power cut or a kill leaves is known by its sum.

    The old file goes first: ext4 brings one that takes the place of another to the disk at once.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _keep_only(folder: Path, names: set[str]) -> None:
    for entry in os.scandir(folder):
        if entry.name not in names:
            Path(entry.path).unlink()
