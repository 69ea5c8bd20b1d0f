"""One copy from beginning to end: export, begin, every part, finish, read back, thin out.

May live here: the order of these steps and what becomes of the record. May not: rsync's words, or how long copies stay.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.backup import argv, standing
from appliance.backup.export import export
from appliance.backup.intent import Own, Part, SecondPlace, own_folder, parts, second_place
from appliance.backup.line import shared
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Figures, Runner
from appliance.daemon.identities import Identities

if TYPE_CHECKING:
    from appliance.daemon.whole_file import Owner
    from appliance.settings.load import Settings

Progress = Callable[[int, int, str], None]
"""Done, of how many, and with what."""

_MARKER = "marker"
_MARKER_BYTES = 4096
_PEOPLES = frozenset({"homes", "groups", "mail"})
"""Parts in which people make what they like: what cannot be copied there must not cost all others their copy."""


def copy(settings: Settings, progress: Progress, started: Callable[[Runner], None] = lambda _: None) -> dict[str, Any]:
    """Make one copy of everything; raises :class:`BackupError`.

    Gives ``snapshot`` (its name), ``figures``, ``free`` bytes there, ``removed`` (old copies thinned out), ``left_out``
    (says of what it is not whole, else ``None``) and ``warnings``. ``started(runner)`` gets what can be stopped.
    """
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    with _alone(own) as lock:
        runner = Runner(lock, own.folder / "run.complaints")
        started(runner)
        owner = record_owner(settings)
        record = replace(standing.read(own.folder), tried=datetime.now(UTC))
        standing.write(own.folder, record, owner)
        try:
            with shared(place, own.line) as reached:
                made = _Copying(settings, reached, own, runner, progress).run()
        except BackupError as error:
            standing.write(own.folder, replace(record, problem=error.text), owner)
            raise
        done = replace(
            record,
            succeeded=datetime.now(UTC),
            problem=None,
            left_out=made["left_out"],
            snapshot=made["snapshot"],
            figures=made["figures"],
            free=made["free"],
        )
        standing.write(own.folder, done, owner)
    return made


def listing(settings: Settings) -> dict[str, Any]:
    """The names of the ``snapshots`` in the second place, oldest first, and ``free`` bytes there."""
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    return Runner(None, own.folder / "list.complaints").ask(argv.ask(place, "list"))


def require_key(place: SecondPlace) -> None:
    """Raise :class:`BackupError` unless both sides were made known to each other."""
    if not place.key.exists() or not place.known_hosts.exists():
        raise BackupError("not-set-up", "the second place is not set up; see schoolserver backup setup")


def record_owner(settings: Settings) -> Owner | None:
    """Who may read the record: the supervisor's group."""
    identities = Identities(settings.server)
    return None if settings.server.identity == "same" else (os.geteuid(), identities.of("supervisor").gid)


class _Copying:
    def __init__(self, settings: Settings, place: SecondPlace, own: Own, runner: Runner, progress: Progress) -> None:
        self._settings = settings
        self._place = place
        self._own = own
        self._runner = runner
        self._progress = progress
        self._parts = parts(settings)
        self._not_whole: list[Path] = []

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        self._say(0, "databases")
        export(self._settings, self._own.export)
        marker = secrets.token_bytes(_MARKER_BYTES)
        (self._own.export / _MARKER).write_bytes(marker)
        for part in self._parts:
            if not part.folder.is_dir():
                raise BackupError("unreadable", f"the folder {part.folder} is missing; is its disk mounted?")
        bases = self._runner.ask(argv.ask(self._place, "begin")).get("bases", [])
        figures = sum((self._part(number, part, bases) for number, part in enumerate(self._parts)), Figures())
        self._say(len(self._parts), "reading back")
        finished = self._runner.ask(argv.ask(self._place, "finish"))
        snapshot = str(finished.get("snapshot", ""))
        self._read_back(snapshot, marker)
        thinned, warnings = self._thin()
        left_out = self._left_out()
        self._say(len(self._parts) + 1, "done")
        return {
            "snapshot": snapshot,
            "figures": {**asdict(figures), "seconds": round(time.monotonic() - began)},
            "free": finished.get("free"),
            "removed": thinned,
            "left_out": left_out,
            "warnings": [*warnings, *([left_out] if left_out else [])],
        }

    def _part(self, number: int, part: Part, bases: list[str]) -> Figures:
        def percent(done: int) -> None:
            self._say(number, part.name, done)

        complaints = self._own.folder / f"{part.name}.complaints"
        complaints.unlink(missing_ok=True)
        percent(0)
        try:
            return self._runner.rsync(argv.copy(self._place, part, bases), percent)
        except BackupError as error:
            if error.kind != "unreadable" or part.name not in _PEOPLES:
                raise
            self._runner.complaints.rename(complaints)
            self._not_whole.append(complaints)
            return Figures()

    def _left_out(self) -> str | None:
        """Say of which parts some files are not in the copy, and where their names are: for root's eyes only."""
        if not self._not_whole:
            return None
        names = " and ".join(path.stem for path in self._not_whole)
        return f"some files of {names} could not be copied; see {', '.join(map(str, self._not_whole))}"

    def _read_back(self, snapshot: str, marker: bytes) -> None:
        """Only what comes back is a copy: a few bytes that nobody could have had before."""
        with tempfile.TemporaryDirectory(dir=self._own.folder, prefix="back-") as folder:
            path = f"exports/{_MARKER}"
            self._runner.rsync(argv.fetch(self._place, snapshot, path, Path(folder)))
            came = Path(folder) / path
            if not came.is_file() or came.read_bytes() != marker:
                raise BackupError("refused", "what was read back from the new copy is not what was written")

    def _thin(self) -> tuple[list[str], list[str]]:
        try:
            return self._runner.ask(argv.ask(self._place, "thin")).get("removed", []), []
        except BackupError as error:
            return [], [f"old copies could not be thinned out: {error.text}"]

    def _say(self, steps: int, text: str, percent: int = 0) -> None:
        self._progress(100 * steps + percent, 100 * (len(self._parts) + 1), text)


@contextlib.contextmanager
def _alone(own: Own) -> Iterator[int]:
    """Hold the lock, which what we start inherits: a second copy waits for none that lost its parent."""
    descriptor = os.open(own.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("busy", "a copy is being made already; see schoolserver status") from None
        for left in own.folder.glob("back-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield descriptor
    finally:
        os.close(descriptor)
