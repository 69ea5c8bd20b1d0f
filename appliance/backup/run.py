"""One backup from beginning to end: dump, look, begin, send, settle, commit, read back, record.

May live here: the order of these steps and what becomes of the record. May not: rsync's words, what is sent, or how
long anything is kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from appliance.backup import argv, standing
from appliance.backup.committing import Committing
from appliance.backup.intent import Own, SecondPlace, own_folder, second_place
from appliance.backup.line import shared
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.backup.telling import tell
from appliance.backup_server.encrypted import encrypted
from appliance.daemon.identities import Identities

if TYPE_CHECKING:
    from appliance.daemon.whole_file import Owner
    from appliance.settings.load import Settings

Progress = Callable[[int, int, str], None]
"""Done, of how many, and with what."""

_TELL_EVERY = 5.0


def copy(settings: Settings, progress: Progress, started: Callable[[Runner], None] = lambda _: None) -> dict[str, Any]:
    """Make one backup of everything; raises :class:`BackupError`.

    Gives ``snapshot`` (its name), ``figures`` and ``left_out`` as in the record, ``free`` and ``total`` bytes there,
    ``removed`` (old snapshots whose time was over) and ``warnings``. ``started(runner)`` gets what can be stopped.
    """
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    with _alone(own) as lock:
        runner = Runner(lock, own.folder / "run.complaints")
        started(runner)
        keeping = _Keeping(settings, own, progress)
        try:
            with shared(place, own.line) as reached:
                made = Committing(settings, reached, own, runner, keeping.tell).run()
                told = tell(settings, reached, runner, record_owner(settings))
        except BackupError as error:
            keeping.failed(error.text)
            raise
        except OSError as error:
            text = f"our own disk does not take it: {os.strerror(error.errno or 0)}"
            keeping.failed(text)
            raise BackupError("disk", text) from error
        return keeping.succeeded({**made, "warnings": [*made["warnings"], *([told.problem] if told.problem else [])]})


def listing(settings: Settings) -> dict[str, Any]:
    """What is in the second place: ``snapshots`` (each ``name`` and whether there is a ``dump``), oldest first.

    Gives ``free``, ``total``, ``encrypted``, ``warnings`` and ``forgetting``, too. Raises :class:`BackupError`.
    """
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    return Runner(None, own.folder / "list.complaints").ask(argv.ask(place, "list"))


def require_key(place: SecondPlace) -> None:
    """Raise :class:`BackupError` unless both sides were made known to each other."""
    if not place.key.exists() or not place.known_hosts.exists():
        raise BackupError("not-set-up", "there is no backup server yet; see schoolserver backup pair")


def record_owner(settings: Settings) -> Owner | None:
    """Who may read the record: the supervisor's group."""
    identities = Identities(settings.server)
    return None if settings.server.identity == "same" else (os.geteuid(), identities.of("supervisor").gid)


class _Keeping:
    """The record while a backup is made; what cannot be kept of its progress is passed over."""

    def __init__(self, settings: Settings, own: Own, progress: Progress) -> None:
        self._folder = own.folder
        self._owner = record_owner(settings)
        self._data = settings.server.data
        self._progress = progress
        self._began = time.monotonic()
        self._told = (self._began, "")
        now = datetime.now(UTC)
        before = standing.read(own.folder)
        self._record = replace(
            before, tried=now, failures=standing.failures_in_a_row(before, now), progress=(0, 1000, "begin")
        )
        self._write()

    def tell(self, done: int, total: int, text: str) -> None:
        self._progress(done, total, text)
        now = time.monotonic()
        if text != self._told[1] or now - self._told[0] > _TELL_EVERY:
            self._told = (now, text)
            self._record = replace(self._record, progress=(done, total, text))
            with contextlib.suppress(OSError):
                self._write()

    def failed(self, text: str) -> None:
        self._record = replace(self._record, problem=text, progress=None, failures=self._record.failures + 1)
        with contextlib.suppress(OSError):
            self._write()

    def succeeded(self, made: dict[str, Any]) -> dict[str, Any]:
        figures = {**made["figures"], "seconds": round(time.monotonic() - self._began)}
        self._record = replace(
            self._record,
            succeeded=datetime.now(UTC),
            problem=None,
            failures=0,
            progress=None,
            snapshot=made["snapshot"],
            figures=figures,
            left_out=made["left_out"],
            free=made["free"],
            total=made["total"],
            encrypted_here=encrypted(self._data),
            encrypted_there=made["encrypted"],
            warnings=tuple(made["warnings"]),
        )
        self._write()
        said = standing.warnings(self._record)
        return {**made, "figures": figures, "warnings": [*([made["left_out"]] if made["left_out"] else []), *said]}

    def _write(self) -> None:
        standing.write(self._folder, self._record, self._owner)


@contextlib.contextmanager
def _alone(own: Own) -> Iterator[int]:
    """Hold the lock, which what we start inherits: a second run waits for none that lost its parent."""
    own.make()
    descriptor = os.open(own.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("busy", "a backup is being made already; see schoolserver status") from None
        yield descriptor
    finally:
        shutil.rmtree(own.export, ignore_errors=True)
        os.close(descriptor)
