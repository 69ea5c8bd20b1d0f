"""The drill: whether the backup can be restored, tried instead of believed (K07).

May live here: the order of its steps, and what its result is. May not: how a unit is tried (``drill_try``), the
second place's words (``drill_there``), files (``drill_files``). Nothing of what it looks at is told: its result has
counts, and the names of what is wrong are for root alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.backup import slices
from appliance.backup.delta import Base
from appliance.backup.drill_files import DrillFiles
from appliance.backup.drill_report import About, page
from appliance.backup.drill_result import Result, Tried, encode
from appliance.backup.drill_sample import cast, room, tried
from appliance.backup.drill_there import Finding, There, Verified
from appliance.backup.drill_try import Copy, Trial, sweep
from appliance.backup.intent import Own, own_folder, second_place
from appliance.backup.line import shared
from appliance.backup.problem import BackupError
from appliance.backup.reading import own_keys
from appliance.backup.recovery_key import fingerprint
from appliance.backup.rsync import Runner
from appliance.backup.run import record_owner, require_key
from appliance.backup.sign import verified
from appliance.backup_server.faults import Fault
from appliance.backup_server.manifest import Index, ManifestError, digest
from appliance.daemon.texts import translator

if TYPE_CHECKING:
    from appliance.settings.load import Settings

Progress = Callable[[int, int, str], None]
"""Done, of how many, and with what."""

_log = logging.getLogger(__name__)
_WHOLE: Final = 1000
_DUMP, _SAMPLE, _SLICES = 20, 50, 400  # where each step begins
_SIGNATURE: Final = "signature"


def drill(settings: Settings, progress: Progress, started: Callable[[Runner], None] = lambda _: None) -> dict[str, Any]:
    """Try the newest copy; raises :class:`BackupError` when it cannot be tried, which is no fault of the copy.

    Gives the result as it was signed (see :class:`Result`), ``well``, and ``findings``, the path of the file that names
    what is wrong, or ``None``. ``started(runner)`` gets what can be stopped.
    """
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    files = DrillFiles(own, record_owner(settings))
    with _alone(own) as (lock, scratch):
        runner = Runner(lock, own.folder / "drill.complaints")
        started(runner)
        try:
            with shared(place, own.runtime / "drill") as reached:
                one = _Drill(settings, There(reached, runner), scratch, progress)
                result = one.run(files.results())
            findings = files.keep(result, one.findings, place.key)
        except BackupError as error:
            files.failed(error.text)
            raise
        except OSError as error:
            text = f"our own disk does not take it: {os.strerror(error.errno or 0)}"
            files.failed(text)
            raise BackupError("disk", text) from error
    compared = sum(one.files for one in result.tried.values())
    _log.info("drill: %d restored and compared, %d verified, %d faults", compared, result.files, result.found)
    return {**json.loads(encode(result)), "well": result.well, "findings": findings and str(findings)}


def report(settings: Settings, language: str | None) -> dict[str, str]:
    """Give the ``page`` for the head about the drills there were, in ``language`` or the school's own."""
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    files = DrillFiles(own, record_owner(settings))
    key = next((key for key in own_keys(own) if files.signed(key)), None)
    about = About(settings.school.name, fingerprint(key or own_keys(own)[0]), key is not None)
    say = translator(language or settings.school.language)
    return {"page": page(files.results(), about, say, datetime.now(settings.school.zone))}


class _Drill:
    def __init__(self, settings: Settings, there: There, scratch: Path, progress: Progress) -> None:
        self._settings = settings
        self._there = there
        self._scratch = scratch
        self._progress = progress
        self._own = own_folder(settings)
        self._chance = random.SystemRandom()
        self.findings: list[Finding] = []
        self._index = ""
        self._dumped = False

    def run(self, before: Iterable[Result]) -> Result:
        began = datetime.now(UTC)
        self._tell(0, "index")
        remembered = list(self._bases())
        names = self._there.snapshots()
        if not names:
            raise BackupError("no-copy", "there is nothing to try yet; see schoolserver backup run")
        remembered += self._bases()
        copy = self._copy(names[-1], remembered)
        if copy is None:
            return self._result(began, names, {}, (), Verified())
        trial = Trial(self._there, copy, self._scratch, self._chance)
        compared = self._sampled(trial)
        self.findings += trial.findings
        due = slices.due(slices.last((one.began, one.slices) for one in before), began)
        sums = self._verified(copy.snapshot, due)
        return self._result(began, names, compared, due, sums)

    def _copy(self, snapshot: str, remembered: list[Base]) -> Copy | None:
        """What is to be tried; ``None``: its index is not ours, and nothing can be said about the rest."""
        raw, signature = self._there.index(snapshot)
        try:
            index = Index.decode(raw)
            ours = any(verified(key, raw, signature) for key in own_keys(self._own))
        except ManifestError:
            ours = False
        if not ours:
            self._found("index", _SIGNATURE)
            return None
        self._index = digest(raw)
        base = next((one for one in remembered if one.index == self._index), None)
        if remembered and base is None:
            self._found("snapshots", Fault.MISSING)  # a newer one was made, and is not there any more
        self._dumped = self._dump(snapshot, index.dump)
        if base is None:
            return Copy(snapshot, index.sections)
        return Copy(snapshot, index.sections, base.sections, base.missing)

    def _dump(self, snapshot: str, expected: str | None) -> bool:
        self._tell(_DUMP, "dump")
        try:
            found = self._there.dump(snapshot)
        except BackupError as error:
            if error.kind not in ("refused", "no-copy"):
                raise
            self._found("dump", Fault.MISSING)
            return False
        if found != expected:
            self._found("dump", Fault.CONTENT)
        return found == expected

    def _sampled(self, trial: Trial) -> dict[str, Tried]:
        free = room(self._scratch, self._settings.server.reserve)
        who = cast(self._settings, self._chance)
        step = (_SLICES - _SAMPLE) // len(who)
        return tried(trial, who, free, lambda done: self._tell(_SAMPLE + step * done, "sample"))

    def _verified(self, snapshot: str, due: tuple[int, ...]) -> Verified:
        sums = Verified()
        span = (_WHOLE - _SLICES) // len(due)
        for place, number in enumerate(due):
            begin = _SLICES + span * place

            def tell(done: int, total: int, begin: int = begin) -> None:
                self._tell(begin + span * min(done, total) // max(total, 1), "verifying")

            tell(0, 1)
            self._there.verify(snapshot, self._index, (number, slices.SLICES), tell, sums)
        return sums

    def _result(
        self, began: datetime, names: list[str], compared: dict[str, Tried], due: tuple[int, ...], sums: Verified
    ) -> Result:
        """Count what was found: once, where the second place found the same."""
        faults = Counter(sums.faults)
        told = set(sums.findings)
        faults.update((one.part, one.fault) for one in self.findings if one not in told)
        by_part: dict[str, dict[str, int]] = {}
        for (part, fault), many in sorted(faults.items()):
            by_part.setdefault(part, {})[fault] = many
        self.findings = sorted({*self.findings, *told})
        return Result(
            began=began,
            ended=datetime.now(UTC),
            snapshot=names[-1],
            copies=len(names),
            tried=compared,
            slices=due,
            files=sums.files,
            bytes=sums.bytes,
            dumped=self._dumped,
            faults=by_part,
        )

    def _bases(self) -> Iterator[Base]:
        """The snapshots that this server remembers making: the last one, and one whose end it did not hear of."""
        for name in ("sent", "base"):
            with contextlib.suppress(OSError, ValueError):
                yield Base.decode((self._own.folder / name).read_bytes())

    def _found(self, part: str, fault: str) -> None:
        self.findings.append(Finding(part, "", "", fault))

    def _tell(self, done: int, text: str) -> None:
        self._progress(done, _WHOLE, text)


@contextlib.contextmanager
def _alone(own: Own) -> Iterator[tuple[int, Path]]:
    """Hold the drill's lock, which what we start inherits, and an empty folder that only root can enter."""
    own.make()
    descriptor = os.open(own.folder / "drill.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    scratch = own.folder / "scratch"
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("busy", "a drill is under way already") from None
        sweep(scratch)
        scratch.mkdir(mode=0o700)
        try:
            yield descriptor, scratch
        finally:
            sweep(scratch)
    finally:
        os.close(descriptor)
