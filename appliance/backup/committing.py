"""The way of one backup: what is made here, what crosses the line, what the second place says to it.

May live here: each step's work, told to the two sides. May not: the record (``run``), rules about lines (``delta``).
"""

from __future__ import annotations

import contextlib
import os
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.backup import argv
from appliance.backup.cache import Cache
from appliance.backup.delta import Base, chosen
from appliance.backup.dump import dump
from appliance.backup.export import export
from appliance.backup.intent import Own, SecondPlace, parts
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Figures, Runner
from appliance.backup.sign import sign
from appliance.backup.survey import Paths, Survey, inside
from appliance.backup.units import Unit
from appliance.backup_server.manifest import Index, digest
from appliance.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_WHOLE: Final = 1000
_LOOK, _SEND, _SETTLE, _COMMIT = 20, 250, 850, 900  # where each step begins
_AGAIN: Final = 2
"""How often a file that changed while it was sent is sent again."""

_FULL: Final = re.compile(
    rb"^rsync: (?:\[\w+\] )?+(?!rsync_xal_|failed to write xattr|set_acl|set_xattr_acl)"
    rb".*: (?:No space left on device|Disk quota exceeded) \([0-9]+\)$",
    re.MULTILINE,
)
"""How rsync says that the disk is full. Names stand in quotes before that; attributes have little room of their own."""

_MOST_COMPLAINTS: Final = 4 * 1024 * 1024


class Committing:
    """Makes one backup; ``tell(done, total, text)`` hears how far it is."""

    def __init__(
        self, settings: Settings, place: SecondPlace, own: Own, runner: Runner, tell: Callable[[int, int, str], None]
    ) -> None:
        self._settings = settings
        self._place = place
        self._own = own
        self._runner = runner
        self._tell = tell
        self._parts = parts(settings)
        self._manifest = own.outgoing / "manifest"
        self._cache = Cache(own.stamps, self._manifest / "sections")
        self._figures = Figures()
        self._unfinished = own.folder / "unfinished"

    def run(self) -> dict[str, Any]:
        """Do it; gives what the second place answered, and the figures. Raises :class:`BackupError`, ``OSError``."""
        self._tell(0, _WHOLE, "databases")
        export(self._settings, self._own.export)
        sealed = dump(self._settings, self._own.export, self._own.recovery, self._manifest / "dump.age")
        step = self._step(_LOOK, _SEND, "looking for changes")
        survey = Survey(self._parts, self._cache, step, self._unfinished.exists())
        survey.look()
        begun = self._ask("begin")
        base = chosen(self._bases(), begun.get("base_index")).without(begun.get("forgotten") or ())
        self._unfinished.touch()
        lacking = survey.lacking(base)
        self._settle(survey, lacking)
        index = self._index(survey, base, begun.get("base"), sealed)
        self._tell(_COMMIT, _WHOLE, "committing")
        result, missing = self._committed(index)
        self._keep_base(Base(digest(index), {unit: known.section for unit, known in survey.units.items()}, missing))
        return {
            "snapshot": str(result["snapshot"]),
            "free": result.get("free"),
            "total": result.get("total"),
            "removed": list(result.get("removed", [])),
            "encrypted": result.get("encrypted"),
            "warnings": [_plain(one) for one in result.get("warnings", [])],
            **self._counts(survey, lacking, missing),
        }

    def _settle(self, survey: Survey, lacking: Paths) -> None:
        """Send what the base is ``lacking`` until it holds still."""
        self._send(lacking)
        self._tell(_SETTLE, _WHOLE, "looking again at what was sent")
        again = lacking
        for _ in range(_AGAIN):
            again = survey.settled(again)
            if not again:
                break
            self._send(again)
        if again:
            survey.settled(again, last=True)
        self._cache.write(survey.units)

    def _send(self, paths: Paths) -> None:
        total, done = max(sum(map(len, paths.values())), 1), 0
        for part in self._parts:
            names = list(inside(paths, part.name))
            if names:
                span = _SETTLE - _SEND
                begin, end = (_SEND + span * at // total for at in (done, done + len(names)))
                self._rsync(part.name, part.folder, names, begin, end)
                done += len(names)

    def _rsync(self, name: str, folder: Path, paths: Iterable[bytes], begin: int, end: int) -> None:
        listed = self._own.outgoing / f"{name}.list"
        listed.write_bytes(b"".join(b"./%s\0" % path for path in paths))
        step = self._step(begin, end, f"sending {name}")
        step(0, 100)
        complaints = self._own.folder / f"{name}.complaints"
        complaints.unlink(missing_ok=True)
        try:
            words = argv.send(self._place, name, folder, listed)
            self._figures += self._runner.rsync(words, lambda percent: step(percent, 100))
        except BackupError as error:
            if error.kind not in ("unreadable", "disk"):
                raise
            with self._runner.complaints.open("rb") as file:
                if _FULL.search(file.read(_MOST_COMPLAINTS)):
                    raise BackupError("disk", "the disk of the backup server is full; see df there") from error
            if error.kind == "disk":
                raise
            self._runner.complaints.rename(complaints)
        finally:
            listed.unlink(missing_ok=True)

    def _index(self, survey: Survey, base: Base, name: str | None, sealed: str) -> bytes:
        """Write, sign and send the index with the dump and the sections that are new; gives its bytes."""
        sections = {unit: known.section for unit, known in survey.units.items()}
        named = frozenset((unit.part, section) for unit, section in sections.items())
        made = datetime.now(UTC).isoformat(timespec="seconds")
        index = Index(self._place.school, made, name, sealed, named).encode()
        write_whole(self._manifest / "index", index, 0o600)
        write_whole(self._manifest / "index.sig", sign(self._place.key, index), 0o600)
        write_whole(self._own.folder / "sent", Base(digest(index), sections).encode(), 0o600)
        new = sorted(set(sections.values()) - set(base.sections.values()))
        listed = [b"index", b"index.sig", b"dump.age", *(f"sections/{one}".encode() for one in new)]
        self._rsync("manifest", self._manifest, listed, _COMMIT, _COMMIT)
        return index

    def _committed(self, index: bytes) -> tuple[dict[str, Any], dict[Unit, frozenset[bytes]]]:
        """Only what comes back is a backup: the index, in which everything stands by its hash, read over there."""
        result: dict[str, Any] = {}
        read_back: object = None
        missing: defaultdict[Unit, set[bytes]] = defaultdict(set)

        def take(line: dict[str, Any]) -> None:
            nonlocal read_back
            if "missing_path" in line:
                missing[Unit(str(line["part"]), str(line["unit"]))].add(os.fsencode(str(line["missing_path"])))
            elif "progress" in line:
                done, total, _ = line["progress"]
                self._step(_COMMIT, _WHOLE, "committing")(int(done), int(total))
            elif "error" in line:
                raise BackupError("refused", f"the backup server could not commit it: {_plain(line['error'])}")
            elif "result" in line:
                result.update(line["result"])
            elif "index" in line:
                read_back = line["index"]

        self._runner.follow(argv.ask(self._place, "commit"), take)
        if not isinstance(result.get("snapshot"), str):
            raise BackupError("refused", "the backup server did not say that it committed anything")
        if read_back != b64encode(index).decode("ascii"):
            raise BackupError("refused", "what was read back from the new snapshot is not what was written")
        return result, {unit: frozenset(paths) for unit, paths in missing.items()}

    def _keep_base(self, base: Base) -> None:
        write_whole(self._own.folder / "base", base.encode(), 0o600)
        for name in ("sent", self._unfinished.name):
            (self._own.folder / name).unlink(missing_ok=True)
        self._cache.forget_sections(frozenset(base.sections.values()))

    def _bases(self) -> Iterable[Base]:
        """What the newest snapshot may be: the last one we know of, or the one whose commit we did not hear of."""
        for name in ("sent", "base"):
            with contextlib.suppress(OSError, ValueError):
                yield Base.decode((self._own.folder / name).read_bytes())

    def _counts(self, survey: Survey, lacking: Paths, missing: dict[Unit, frozenset[bytes]]) -> dict[str, Any]:
        lost = [(unit.part, unit.inside(path), 0) for unit, paths in missing.items() for path in paths]
        figures = {
            "files": sum(known.lines for known in survey.units.values()),
            "changed": sum(map(len, lacking.values())),
            "sent": self._figures.sent,
            "left_out": len(survey.left.paths),
            "missing": len(lost),
            "unsettled": survey.unsettled(lacking),
            "gone": survey.gone,
        }
        names = self._own.folder / "left-out"
        names.unlink(missing_ok=True)
        left = [*survey.left.paths, *lost]
        if not left:
            return {"figures": figures, "left_out": None}
        text = b"".join(
            b"%s/%s: %s\n" % (part.encode(), path, os.strerror(why).encode() if why else b"did not arrive")
            for part, path, why in left
        )
        write_whole(names, text, 0o600)
        among = " and ".join(sorted({part for part, _, _ in left}))
        return {"figures": figures, "left_out": f"{len(left)} of {among} could not be copied; see {names}"}

    def _ask(self, word: str) -> dict[str, Any]:
        return self._runner.ask(argv.ask(self._place, word))

    def _step(self, begin: int, end: int, text: str) -> Callable[[int, int], None]:
        return lambda done, total: self._tell(begin + (end - begin) * done // max(total, 1), _WHOLE, text)


def _plain(text: object) -> str:
    return "".join(each if each.isprintable() else " " for each in str(text))[:200]
