"""The snapshot that a commit builds on: which units it has, and what it lacks of what its manifest says.

May live here: reading that from a committed snapshot. May not: reading a section whole that nobody asked for.

``lacking`` is a file of lines ``SECTION LINE``: entries that were promised and did not come, or came as others. They
count as not held, so the next commit takes them from what was sent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.backup_server.forgotten import forgotten
from appliance.backup_server.manifest import Index, ManifestError, Section

Unit = tuple[str, str]
"""A part and the name of a folder in it."""

Lacking = dict[str, list[bytes]]
"""Lines that are not there as they say, by their section's name."""

_LONGEST_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Base:
    """``path``: None where there is none; ``units``: the name of each one's section."""

    path: Path | None
    units: Mapping[Unit, str]
    of_section: Mapping[str, Unit]
    lacking: Mapping[str, Sequence[bytes]]

    @classmethod
    def none(cls) -> Base:
        """Nothing is held."""
        return cls(None, {}, {}, {})

    @classmethod
    def read(cls, path: Path) -> Base:
        """Read a committed snapshot; raises :class:`ManifestError` and OSError where it is damaged."""
        index = Index.decode((path / "index").read_bytes())
        of_section = {}
        for _, name in index.sections:
            try:
                with (path / "sections" / name).open("rb") as file:
                    head = Section.trusted(file.readline(_LONGEST_HEAD))
            except FileNotFoundError:
                if name in forgotten(path.parents[1]):
                    continue  # its person was removed from all snapshots; nothing of it is held
                raise
            of_section[name] = (head.part, head.unit)
        return cls(path, {unit: name for name, unit in of_section.items()}, of_section, read_lacking(path))

    def holds(self, unit: Unit, section: str) -> bool:
        """Whether this unit is here as ``section`` says, with nothing missing."""
        return self.units.get(unit) == section and section not in self.lacking

    def section(self, name: str) -> Section:
        """A section of this snapshot, which was checked when it was committed."""
        if self.path is None or name not in self.of_section:
            raise ManifestError("a section that was not sent")
        return Section.trusted((self.path / "sections" / name).read_bytes())

    def lines(self, unit: Unit) -> tuple[frozenset[bytes], Sequence[bytes]]:
        """The lines of a unit, and those of them that are not there so."""
        name = self.units.get(unit)
        return (frozenset(self.section(name).lines), self.lacking.get(name, ())) if name else (frozenset(), ())


def read_lacking(snapshot: Path) -> Lacking:
    """What the snapshot in this folder lacks; raises OSError."""
    found: Lacking = {}
    try:
        content = (snapshot / "lacking").read_bytes()
    except FileNotFoundError:
        return found
    for line in content.split(b"\n")[:-1]:
        name, _, rest = line.partition(b" ")
        found.setdefault(name.decode("ascii", "replace"), []).append(rest)
    return found


def lacking_text(lacking: Mapping[str, Sequence[bytes]]) -> bytes:
    """The file's content."""
    return b"".join(b"%s %s\n" % (os.fsencode(name), line) for name in sorted(lacking) for line in lacking[name])
