"""One unit tried: its section had from the second place, some of its files or all restored to scratch and compared.

May live here: that, below a scratch folder that only root can enter. May not: which units are tried (``drill_sample``).
Nothing is opened but to be hashed, and nothing stays.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.backup import argv, sample
from appliance.backup.drill_there import Finding, There
from appliance.backup.problem import BackupError
from appliance.backup.sections import Folders
from appliance.backup.units import Unit
from appliance.backup_server.faults import UNSTEADY, Fault, differences
from appliance.backup_server.lines import hash_of_file, line_of_living
from appliance.backup_server.manifest import Entry, ManifestError
from appliance.backup_server.stored import SectionFile
from appliance.daemon.descriptors import FOLDER, opened

_FILES: Final = "fl"
_RESTORED: Final = "fdl"
"""Kinds that are restored: nobody needs a pipe or a socket back."""
_RM: Final = "/usr/bin/rm"

Wanted = Callable[[Entry], bool]


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy that is tried: its name, and the ``sections`` that its signed index names, as part and hash.

    ``known``: the units that it must have, with their hashes, ``missing`` the paths of them that never arrived there;
    ``None``: this server does not remember making it, and what is not there may never have been.
    """

    snapshot: str
    sections: Collection[tuple[str, str]]
    known: Mapping[Unit, str] | None = None
    missing: Mapping[Unit, Collection[bytes]] = field(default_factory=dict)


class Trial:
    """Tries units of ``copy``, which is ``there``, in the empty folder ``scratch``; ``chance`` chooses files."""

    def __init__(self, there: There, copy: Copy, scratch: Path, chance: random.Random) -> None:
        self._there = there
        self._copy = copy
        self._scratch = scratch
        self._chance = chance
        self._name = ""
        self.findings: list[Finding] = []

    def has(self, unit: Unit) -> bool:
        """Have the section of ``unit`` here, to be tried next; ``False``: there is none, or it was found damaged.

        Raises :class:`BackupError`.
        """
        known = self._copy.known
        if known is not None and unit not in known:
            return False
        try:
            said = (unit.part, unit.name) if known is None else (known[unit],)
            self._there.section(self._copy.snapshot, said, self._section)
            name = hash_of_file(self._section)
            with SectionFile(self._section, name) as section:
                named = (section.head.part, section.head.unit) == (unit.part, unit.name)
        except ManifestError:
            named = False
        except BackupError as error:
            if error.kind not in ("refused", "no-copy"):
                raise
            if known is None:
                return False
            named = False
        if named and (unit.part, name) in self._copy.sections and (known is None or known[unit] == name):
            self._name = name
            return True
        self.findings.append(Finding(unit.part, unit.name, ".", Fault.SECTION))
        return False

    def size(self) -> tuple[int, int]:
        """How many files the unit has whose section is here, and their bytes together."""
        files, size = 0, 0
        with SectionFile(self._section, self._name) as section:
            for entry in section.entries():
                files += entry.kind == "f"
                size += entry.size
        return files, size

    def some(self, unit: Unit, budget: int) -> int:
        """Try a few files of it, of ``budget`` bytes at the most, and the folders above; gives how many that were."""
        with SectionFile(self._section, self._name) as section:
            sizes = (
                (entry.path, entry.size)
                for entry in section.entries()
                if entry.kind in _FILES and entry.content != UNSTEADY
            )
            wanted = frozenset(sample.with_folders(sample.files(sizes, budget, self._chance)))
        return self._tried(unit, lambda entry: entry.path in wanted)

    def whole(self, unit: Unit) -> int:
        """Try all of it; gives how many entries that were."""
        return self._tried(unit, lambda _: True)

    def _tried(self, unit: Unit, wanted: Wanted) -> int:
        into = self._scratch / "restored"
        into.mkdir(mode=0o700)
        try:
            self._restore(unit, wanted, into)
            with opened(os.open(into, FOLDER)) as above, SectionFile(self._section, self._name) as section:
                return self._compared(unit, above, self._chosen(section.entries(), unit, wanted))
        finally:
            sweep(into)

    def _restore(self, unit: Unit, wanted: Wanted, into: Path) -> None:
        listed = self._scratch / "listed"
        with SectionFile(self._section, self._name) as section, listed.open("wb") as file:
            for entry in self._chosen(section.entries(), unit, wanted):
                file.write(b"./%s\0" % unit.inside(entry.path))
        there = self._there
        try:
            there.runner.rsync(argv.fetch_listed(there.place, self._copy.snapshot, unit.part, listed, into))
        except BackupError as error:
            if error.kind != "unreadable":  # what did not come is found missing
                raise

    def _chosen(self, entries: Iterable[Entry], unit: Unit, wanted: Wanted) -> Iterable[Entry]:
        missing = self._copy.missing.get(unit, ())
        return (one for one in entries if one.kind in _RESTORED and one.path not in missing and wanted(one))

    def _compared(self, unit: Unit, above: int, entries: Iterable[Entry]) -> int:
        compared = 0
        with Folders(above) as folders:
            for entry in entries:
                folder, _, name = unit.inside(entry.path).rpartition(b"/")
                compared += 1
                for fault in _faults(entry, folders, folder, name):
                    self.findings.append(Finding(unit.part, unit.name, os.fsdecode(entry.path), fault))
        return compared

    @property
    def _section(self) -> Path:
        return self._scratch / "section"


def sweep(folder: Path) -> None:
    """Remove ``folder`` with all in it, however deep; raises :class:`BackupError`."""
    argv = (_RM, "--recursive", "--force", "--one-file-system", "--", str(folder))
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise BackupError("disk", f"what a drill restored cannot be removed again; see {folder}")


def _faults(said: Entry, folders: Folders, folder: bytes, name: bytes) -> tuple[Fault, ...]:
    try:
        found, _ = line_of_living(folders.of(folder), name, said.path)
    except FileNotFoundError:
        return (Fault.MISSING,)
    except NotADirectoryError:
        return (Fault.TYPE,)
    return differences(said, found)
