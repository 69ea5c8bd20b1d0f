"""What came back, compared with the manifest that the school signed: every file, by its line.

May live here: walking and comparing. May not: mending anything; what differs is told to root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.backup.problem import BackupError
from appliance.backup_server.lines import UNSTEADY, line_of_living
from appliance.backup_server.manifest import Entry, Index, ManifestError, Section, digest, path_of
from appliance.daemon.descriptors import FOLDER, opened
from appliance.recovery.owners import Owners

_WORDS: Final = (
    ("kind", "another kind of file"),
    ("content", "another content"),
    ("size", "another size"),
    ("mode", "another mode"),
    ("uid", "another owner"),
    ("gid", "another group"),
    ("mtime_ns", "another time"),
    ("attributes", "another access list or attribute"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """``path`` below the part (bytes of a name), and ``what`` is wrong with it.

    ``wanted`` is how it must be here, ``None``: not at all; ``found`` how it is, ``None``: it is missing.
    """

    part: str
    path: bytes
    what: str
    wanted: Entry | None
    found: Entry | None

    def __str__(self) -> str:
        return f"{self.part}/{os.fsdecode(self.path)!r}: {self.what}"


def sections(index: Index, folder: Path) -> Iterator[Section]:
    """Give the sections of ``index`` from the files in ``folder``, one after the other, each checked.

    Raises :class:`BackupError` (``refused``); a file that is not what its name says is removed.
    """
    for part, name in sorted(index.sections):
        path = folder / name
        data = path.read_bytes() if path.exists() else b""
        if digest(data) != name:
            path.unlink(missing_ok=True)
            raise BackupError("refused", "a section of the manifest is not the one that was signed; run this again")
        try:
            section = Section.decode(data)
        except ManifestError as error:
            raise BackupError("refused", f"a section of the manifest cannot be read: {error}") from error
        if section.part != part:
            raise BackupError("refused", "a section of the manifest is of another part than the index says")
        yield section


def entries(index: Index, folder: Path) -> Iterator[Entry]:
    """Give every entry of all :func:`sections`."""
    for section in sections(index, folder):
        yield from map(Entry.read, section.lines)


def paths(index: Index, folder: Path) -> Iterator[bytes]:
    """Give the path of every entry of all :func:`sections`, below its part."""
    for section in sections(index, folder):
        unit = _unit(section)
        yield from (_below(unit, path_of(line)) for line in section.lines)


def compare(section: Section, folder: Path, owners: Owners) -> Iterator[Difference]:
    """Give what in ``folder`` (that of the part) is not as the lines of ``section`` say.

    A file that did not hold still when it was saved is compared but for its content and time. Raises ``OSError``.
    """
    unit = _unit(section)
    there = {entry.path: entry for entry in map(Entry.read, section.lines)}
    for found in _living(folder, unit):
        wanted = there.pop(found.path, None)
        if wanted is None:
            yield Difference(section.part, _below(unit, found.path), "is not in the snapshot", None, found)
            continue
        here = owners.entry(wanted)
        if differing := _differing(here, found):
            yield Difference(section.part, _below(unit, found.path), ", ".join(differing), here, found)
    for path, wanted in sorted(there.items()):
        yield Difference(section.part, _below(unit, path), "is missing", owners.entry(wanted), None)


def _differing(wanted: Entry, found: Entry) -> list[str]:
    loose = {"content", "size", "mtime_ns"} if wanted.content == UNSTEADY else set()
    return [word for name, word in _WORDS if name not in loose and getattr(wanted, name) != getattr(found, name)]


def _living(folder: Path, unit: bytes) -> Iterator[Entry]:
    """Every entry of a unit, itself first; nothing if it is not there."""
    with opened(os.open(folder, FOLDER)) as part:
        try:
            top, _ = line_of_living(part, unit or b".", b".")
        except FileNotFoundError:
            return
        yield top
        if top.kind == "d":
            with opened(os.open(unit or b".", FOLDER, dir_fd=part)) as handle:
                yield from _walked(handle, b"")


def _walked(folder: int, above: bytes) -> Iterator[Entry]:
    with os.scandir(folder) as entries:
        names = sorted(os.fsencode(entry.name) for entry in entries)
    for name in names:
        found, _ = line_of_living(folder, name, above + name)
        yield found
        if found.kind == "d":
            with opened(os.open(name, FOLDER, dir_fd=folder)) as handle:
                yield from _walked(handle, above + name + b"/")


def _unit(section: Section) -> bytes:
    """The unit's folder below the part; empty for the part itself."""
    return b"" if section.unit == "." else os.fsencode(section.unit)


def _below(unit: bytes, path: bytes) -> bytes:
    return b"/".join(one for one in (unit, path) if one not in (b"", b".")) or b"."
