"""Whether what lies here is what was signed: one slice of a snapshot, every entry read whole and compared by its line.

May live here: comparing what is stored with its sections, and telling differences. May not: changing anything, keys
(the index's signature is checked by the school's server, which knows its own key). It runs as the school's user, reads
what the group may read, and gives way to everything else on this machine.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.backup_server.asking import encoded
from appliance.backup_server.base import read_lacking
from appliance.backup_server.dealt import Dealt, Unit
from appliance.backup_server.faults import Fault, differences
from appliance.backup_server.forgotten import forgotten
from appliance.backup_server.lines import line_of_stored
from appliance.backup_server.manifest import Entry, Index, ManifestError, digest, path_of
from appliance.backup_server.reading import snapshot
from appliance.backup_server.store import Place
from appliance.backup_server.stored import FOLDER, SectionFile, There, places

Say = Callable[[Mapping[str, Any]], None]
"""Takes a line of the answer."""

MOST_TOLD = 10_000
"""So many differences are told one by one; all are counted."""

_EVERY = 1.0  # seconds between two words about progress, so that nobody takes the silence for an end
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_NICE = 19
_DESCRIPTORS = 8192  # a folder may lie in 2,000 others
_FAULT_OF = {errno.ENOENT: Fault.MISSING, errno.ELOOP: Fault.TYPE, errno.ENXIO: Fault.TYPE, errno.EACCES: Fault.MODE}


def give_way() -> None:
    """Make this process come after everybody else at the processor and at the disks, which go by the same word."""
    os.nice(_NICE)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def verifying(place: Place, words: Sequence[str], _: object) -> None:
    """Say what :func:`verify` finds in the slice ``words`` (snapshot, number, of how many), as lines of JSON.

    Ends with OSError when nobody listens any more: a disk is not read for nobody. Raises ``ValueError`` for others.
    """
    name, number, of = words
    if not (_NUMBER.fullmatch(number) and _NUMBER.fullmatch(of)):
        raise ValueError("a slice is a number, of how many")
    folder = snapshot(place, name)
    give_way()

    def say(line: Mapping[str, Any]) -> None:
        sys.stdout.buffer.write(encoded(line))
        sys.stdout.buffer.flush()

    say({"result": verify(folder, int(number), int(of), say)})


def verify(folder: Path, number: int, of: int, say: Say) -> dict[str, Any]:
    """Look at the slice ``number`` (from 0) of ``of`` of the snapshot in this ``folder`` of a school's store.

    What never arrived is known since the commit, and no fault; nor is what somebody's being forgotten takes away.

    Says ``{"part", "unit", "path", "fault"}`` for each of the first :data:`MOST_TOLD` differences (``path`` below the
    unit; bytes that are no UTF-8 as surrogates) and ``{"progress": [units, of how many]}`` in between. Gives
    ``checked`` (entries), ``bytes``, ``units``, ``index`` (SHA-256 of the index it went by) and ``faults`` (how many,
    by part and kind). Raises ``ValueError`` for a slice that there is none, :class:`ManifestError` for an index that is
    none, ``OSError``.
    """
    if not 0 <= number < of:
        raise ValueError(f"there is no slice {number} of {of}")
    raw = (folder / "index").read_bytes()
    index = Index.decode(raw)
    sums = _Sums(say)
    lacking, place = read_lacking(folder), folder.parent.parent
    mine = Dealt(folder, index).slice(number, of)
    for done, unit in enumerate(mine):
        sums.unit(done, len(mine))
        known = frozenset(map(path_of, lacking.get(unit.section or "", ())))
        found = ((path, fault) for path, fault in _unit(folder, unit, sums) if path not in known)
        for which, (path, fault) in enumerate(found):
            if which == 0 and unit.section in forgotten(place):
                break  # it is being removed at this moment
            sums.fault(unit.part, unit.name, path, fault)
    return {
        "checked": sums.checked,
        "bytes": sums.size,
        "units": len(mine),
        "index": digest(raw),
        "faults": sums.faults(),
    }


def _unit(snapshot: Path, unit: Unit, sums: _Sums) -> Iterator[tuple[bytes, Fault]]:
    if unit.section is None:
        yield b".", unit.fault or Fault.EXTRA
        return
    with contextlib.ExitStack() as stack:
        try:
            section = stack.enter_context(SectionFile(snapshot / "sections" / unit.section, unit.section))
            above, name = (snapshot, unit.part) if unit.name == "." else (snapshot / unit.part, unit.name)
            folder = os.open(above, FOLDER)
        except FileNotFoundError:
            yield b".", Fault.MISSING
            return
        except (OSError, ManifestError):
            yield b".", Fault.SECTION
            return
        stack.callback(os.close, folder)
        try:
            yield from _compared(section.entries(), places(folder, os.fsencode(name)), sums)
        except ManifestError:
            yield b".", Fault.SECTION


def _compared(said: Iterable[Entry], there: Iterable[There], sums: _Sums) -> Iterator[tuple[bytes, Fault]]:
    """Both go by the same order of paths; what one of them lacks is missing, or too much."""
    entries, found = iter(said), iter(there)
    entry, place = next(entries, None), next(found, None)
    while entry is not None or place is not None:
        if place is None or (entry is not None and _order(entry.path) < _order(place.path)):
            assert entry is not None  # noqa: S101 - one of both is there
            yield entry.path, Fault.MISSING
            entry = next(entries, None)
        elif entry is None or _order(place.path) < _order(entry.path):
            yield place.path, Fault.EXTRA
            place = next(found, None)
        else:
            yield from zip(itertools.repeat(entry.path), _looked(entry, place, sums), strict=False)
            entry, place = next(entries, None), next(found, None)


def _looked(said: Entry, place: There, sums: _Sums) -> tuple[Fault, ...]:
    """A disk that cannot give a file back has lost its content."""
    try:
        found = line_of_stored(place.folder, place.name, place.path)
    except OSError as error:
        return (_FAULT_OF.get(error.errno or 0, Fault.CONTENT),)
    sums.entry(found.size)
    return differences(said, found)


def _order(path: bytes) -> bytes:
    return b"" if path == b"." else path


@dataclass(slots=True)
class _Sums:
    say: Say
    checked: int = 0
    size: int = 0
    told: int = 0
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    where: tuple[int, int] = (0, 0)
    spoken: float = field(default_factory=time.monotonic)

    def unit(self, done: int, total: int) -> None:
        self.where = (done, total)
        self._progress()

    def entry(self, size: int) -> None:
        self.checked += 1
        self.size += size
        self._progress()

    def fault(self, part: str, unit: str, path: bytes, fault: Fault) -> None:
        self.counted[part, fault.value] += 1
        if self.told < MOST_TOLD:
            self.told += 1
            self.say({"part": part, "unit": unit, "path": os.fsdecode(path), "fault": fault.value})

    def faults(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for (part, fault), many in sorted(self.counted.items()):
            found.setdefault(part, {})[fault] = many
        return found

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self.spoken >= _EVERY:
            self.spoken = now
            self.say({"progress": list(self.where)})
