"""What a drill asks of the second place: the newest copy, its signed index, sections, the dump, a slice verified.

May live here: those questions, and strictness about the answers: whoever broke into that machine may say what he likes.
May not: what is made of an answer (``drill``).
"""

from __future__ import annotations

import hashlib
import shlex
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from appliance.backup import argv
from appliance.backup.intent import SecondPlace
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.backup_server.faults import Fault
from appliance.backup_server.manifest import MOST_BYTES, PARTS

Progress = Callable[[int, int], None]
"""Done, of how many."""

_LONGEST: Final = 8192
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not as it was signed: ``path`` is that below the ``unit`` of a ``part``."""

    part: str
    unit: str
    path: str
    fault: str


@dataclass(slots=True)
class Verified:
    """What the second place says of slices: what it found (the first of it), and sums over all it looked at."""

    findings: list[Finding] = field(default_factory=list)
    faults: dict[tuple[str, str], int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0


class There:
    """The ``place`` as ``runner`` reaches it; every method raises :class:`BackupError`."""

    def __init__(self, place: SecondPlace, runner: Runner) -> None:
        self.place = place
        self.runner = runner

    def snapshots(self) -> list[str]:
        """The names of all copies, the newest last."""
        found = self._ask("list").get("snapshots")
        names = [one.get("name") for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return sorted(name for name in names if isinstance(name, str))

    def index(self, snapshot: str) -> tuple[bytes, bytes]:
        """The index of a copy, and its signature: neither is checked yet."""
        said = self._ask("index", snapshot)
        try:
            return b64decode(said["index"], validate=True), b64decode(said["signature"], validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise _strange() from error

    def section(self, snapshot: str, which: Sequence[str], into: Path) -> None:
        """Put a section, by its hash or by part and unit, into the file ``into``; it is not checked yet."""
        with into.open("wb") as file:
            left = MOST_BYTES + 1

            def take(data: bytes) -> None:
                nonlocal left
                left -= len(data)
                if left < 0:
                    raise _strange()
                file.write(data)

            self._stream(take, "section", snapshot, *which)

    def dump(self, snapshot: str) -> str:
        """SHA-256 in hex of the dump as it comes from there; nothing of it is kept."""
        found = hashlib.sha256()
        self._stream(found.update, "dump", snapshot)
        return found.hexdigest()

    def verify(self, snapshot: str, index: str, which: tuple[int, int], progress: Progress, sums: Verified) -> None:
        """Let a slice (its number, of how many) be verified, by the index with this SHA-256, and add to ``sums``."""
        number, of = which
        result: Mapping[str, Any] = {}

        def take(line: dict[str, Any]) -> None:
            nonlocal result
            match line:
                case {"progress": [int(done), int(total)]}:
                    progress(done, total)
                case {"result": dict(found)} if not result:
                    result = found
                case _ if len(sums.findings) < _MOST * of:
                    sums.findings.append(_finding(line))

        self.runner.follow(argv.ask(self.place, _words("verify", snapshot, number, of)), take)
        if result.get("index") != index:
            raise BackupError("refused", "the backup server verified by another index than the one that we signed")
        sums.files += _count(result.get("checked"))
        sums.bytes += _count(result.get("bytes"))
        faults = result.get("faults")
        for part, kinds in (faults if isinstance(faults, dict) else {"": None}).items():
            for kind, many in (kinds if isinstance(kinds, dict) else {"": None}).items():
                key = (_one_of(part, PARTS), _one_of(kind, Fault))
                sums.faults[key] = sums.faults.get(key, 0) + _count(many)

    def _ask(self, *words: str) -> dict[str, Any]:
        return self.runner.ask(argv.ask(self.place, _words(*words)))

    def _stream(self, take: Callable[[bytes], object], *words: str) -> None:
        self.runner.stream(argv.ask(self.place, _words(*words)), take)


def _words(*words: object) -> str:
    """One command of the receiver, which splits it as a shell would."""
    return shlex.join(map(str, words))


def _finding(line: Mapping[str, Any]) -> Finding:
    part, fault = _one_of(line.get("part"), PARTS), _one_of(line.get("fault"), Fault)
    unit, path = line.get("unit"), line.get("path")
    if not isinstance(unit, str) or not isinstance(path, str) or len(unit) + len(path) > _LONGEST:
        raise _strange()
    return Finding(part, unit, path, fault)


def _one_of(value: Any, known: Any) -> str:
    if not isinstance(value, str) or value not in list(known):
        raise _strange()
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise _strange()
    return value


def _strange() -> BackupError:
    return BackupError("refused", "the backup server answers strangely; are both machines of the same version?")
