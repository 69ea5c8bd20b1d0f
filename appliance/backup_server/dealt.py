"""Which units a snapshot has, by its sections and by what lies there, and which of them are in one slice.

May live here: finding units, and those of which something is wrong before one looks into them. May not: looking into
them (``verify``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.backup_server.faults import Fault, slice_of
from appliance.backup_server.forgotten import forgotten
from appliance.backup_server.manifest import PARTS, Index, ManifestError
from appliance.backup_server.stored import SectionFile


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the snapshot: its ``section``, if a whole one tells of it, and what is wrong before looking at it."""

    part: str
    name: str
    section: str | None = None
    fault: Fault | None = None


class Dealt:
    """All units that the index or the disk knows of; the first lines of sections are read for it, not more."""

    def __init__(self, snapshot: Path, index: Index) -> None:
        gone = forgotten(snapshot.parent.parent)
        self._units: dict[tuple[str, str], Unit] = {}
        broken: dict[str, list[str]] = {}
        for part, name in sorted(index.sections):
            try:
                with SectionFile(snapshot / "sections" / name, name) as section:
                    head = section.head
                if head.part != part or (part, head.unit) in self._units:
                    raise ManifestError("a section of another unit")
                self._units[part, head.unit] = Unit(part, head.unit, name)
            except (OSError, ManifestError):
                if name not in gone:
                    broken.setdefault(part, []).append(name)
        self._there(snapshot, broken)
        self._units = {key: unit for key, unit in self._units.items() if unit.section not in gone}

    def slice(self, number: int, of: int) -> list[Unit]:
        """Give the units of the slice ``number`` of ``of``."""
        return [unit for unit in self._units.values() if slice_of(f"{unit.part}/{unit.name}", of) == number]

    def _there(self, snapshot: Path, broken: Mapping[str, list[str]]) -> None:
        """What no section tells of is too much, or its section is one of those that are broken."""
        for part in PARTS:
            known = {name for one, name in self._units if one == part}
            if "." in known:
                continue
            names = _names(snapshot / part) - known
            lost = broken.get(part, [])
            for name in sorted(names):
                fault = Fault.SECTION if lost else Fault.EXTRA
                self._units[part, name] = Unit(part, name, fault=fault)
            if not names:
                self._units.update({(part, name): Unit(part, name, fault=Fault.SECTION) for name in lost})


def _names(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return set()
