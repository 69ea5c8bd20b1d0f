"""Publishes the snapshot: reads the directory when it changed, joins it with state and settings, writes what differs.

May live here: when something is read and written, and how both stand. May not: how the parts are joined (``compose``),
who gets which part (``policy.audience``), the file (``daemon.snapshot_file``), timers. Blocking and thread-safe.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from appliance.daemon.snapshot_file import write_snapshot
from appliance.directory.errors import DirectoryError
from appliance.policy.account import Service
from appliance.policy.audience import for_audience
from appliance.policy.snapshot import BrokenSnapshot, Snapshot, Version, decode, encode, same_meaning
from appliance.supervisor.compose import Known, compose, next_end
from appliance.supervisor.doors import Doors
from appliance.supervisor.state import StateError

if TYPE_CHECKING:
    from appliance.directory.records import DirectoryState
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

READERS: Final[Mapping[str, str]] = {
    "auth": "auth",
    "mail": "mail",
    "web": "proxy",
    "files": "fileshare",
    "supervisor": "supervisor",
}
"""Audience to the service whose group may read its file; ours is the last, it says that the others are written."""


READ_WITHIN: Final = 0.35
"""Seconds after which each reader goes by a published file: they look every 0.25 s, then read it."""


class Source(Protocol):
    """What is needed of the directory; both may raise ``DirectoryError``."""

    def read(self) -> DirectoryState:
        """Everything, with a cookie."""

    def changed(self, cookie: str) -> bool:
        """Whether anything changed since; cheap."""


class Memory(Protocol):
    """What is needed of the state; all may raise ``StateError``."""

    def known(self, now: datetime) -> Known:
        """Consents, and locks, exemptions, quotas, bindings of devices and lessons in force."""

    def generation(self) -> int:
        """Another number whenever :meth:`known` may say something else."""

    def next_version(self, published: Version | None) -> Version:
        """A version above every earlier one and above ``published``."""

    def kick(self, service: Service, logins: Iterable[str]) -> None:
        """Note, on disk, whose sessions must end."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How publication stands. ``problem``: why the last attempt failed; ``away``: why the directory gives no answer."""

    version: Version | None = None
    published_at: datetime | None = None
    looked_at: datetime | None = None
    away: str | None = None
    away_since: datetime | None = None
    problem: str | None = None


class Publisher:
    """Keeps the files in ``runtime/snapshots`` at what directory, state and settings say.

    ``gids``: the group of each audience. ``kicks_noted()`` is called, in any thread, once a snapshot is published by
    which sessions noted in ``memory`` must end; ``composed()``, in any thread, after each attempt to publish a whole
    that was made anew.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        memory: Memory,
        gids: Mapping[str, int],
        kicks_noted: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        composed: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._source = source
        self._memory = memory
        self._gids = gids
        self._kicks_noted = kicks_noted
        self._to_kick = False
        self._when_composed = composed
        self._anew = False
        self._clock = clock
        self._folder = settings.server.runtime / "snapshots"
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._written_at = -READ_WITHIN
        self._directory: DirectoryState | None = None
        self._whole: Snapshot | None = None
        self._parts: tuple[Snapshot, Mapping[str, Snapshot]] | None = None
        self._made_of: tuple[DirectoryState | Snapshot, Settings, int] | None = None
        self._last: Snapshot | None = None
        self._stands_until: datetime | None = None
        self._settled = False
        self._written: dict[str, Snapshot] = {}
        self._standing = Standing()
        self.doors = Doors(Service.MAIL)
        self._resume()

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        return self._standing

    @property
    def snapshot(self) -> Snapshot | None:
        """The whole as last composed (or as found published at the start); ``None``: nothing is known yet."""
        return self._whole or self._last

    def fresh(self) -> Snapshot | None:
        """Give the whole if it was made of a directory that this process has read and that answers now."""
        return None if self._directory is None or self._standing.away else self._whole

    @property
    def directory(self) -> DirectoryState | None:
        """The directory as last read."""
        return self._directory

    def look(self) -> bool:
        """Read the directory if it changed, then :meth:`publish`; the directory being away ends only the reading."""
        with self._reading:
            known = self._directory
            try:
                if known is None or self._source.changed(known.cookie):
                    self._directory = self._source.read()
            except DirectoryError as problem:
                if self._standing.away is None:
                    LOG.warning("the directory gives no answer; the last snapshot stays")
                    self._stand(away_since=self._clock())
                self._stand(away=str(problem))
            else:
                if self._standing.away is not None:
                    LOG.info("the directory answers again")
                self._stand(away=None, away_since=None, looked_at=self._clock())
        return self.publish()

    def publish(self) -> bool:
        """Write what differs from the published files; whether all of them say now what they should.

        Called for a change of state or settings; waits for no directory.
        """
        with self._writing:
            try:
                self._publish()
            except (OSError, StateError) as problem:
                if self._standing.problem is None:
                    LOG.error("the snapshot cannot be published; it is tried again")
                self._stand(problem=str(problem))
                return False
            finally:
                if self._anew:
                    self._anew = False
                    self._when_composed()
            self._stand(problem=None)
            return self._whole is not None

    def in_force(self) -> None:
        """Return when every reader goes by what was published before the call, or the supervisor stops."""
        left = self._written_at + READ_WITHIN - time.monotonic()
        if left > 0:
            self._stopping.wait(left)

    def stop(self) -> None:
        """Let nobody wait any more."""
        self._stopping.set()

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings`` and publish."""
        with self._writing:
            self._settings = settings
        self.publish()

    def _publish(self) -> None:
        now = self._clock()
        whole = self._composed(now)
        if whole is None or (self._settled and not _passed(self.doors.next_change, now)):
            return
        self._settled = False
        if closed := self.doors.look(whole, now):
            self._memory.kick(self.doors.service, closed)
            self._to_kick = True
        parts = self._parted(whole)
        stale = [audience for audience in READERS if not self._same(audience, parts[audience])]
        if stale:
            self._write({audience: parts[audience] for audience in stale}, now)
        self._settled = True
        if self._to_kick:
            self._to_kick = False
            self._kicks_noted()

    def _composed(self, now: datetime) -> Snapshot | None:
        """The whole as it must be now; made anew only if something it is made of has changed."""
        people, settings, before = self._directory or self._last, self._settings, self._made_of
        if people is None:
            return None
        generation = self._memory.generation()
        unchanged = before is not None and before[0] is people and before[1] is settings and before[2] == generation
        if not unchanged or _passed(self._stands_until, now):
            known = self._memory.known(now)
            self._whole = compose(people, known, settings, self._whole)
            self._stands_until = next_end(known)
            self._made_of = (people, settings, generation)
            self._settled = False
            self._anew = True
        return self._whole

    def _parted(self, whole: Snapshot) -> Mapping[str, Snapshot]:
        """The part of each audience, made anew only where the whole is new."""
        before = self._parts
        parts = {
            audience: for_audience(whole, audience, before and (before[0], before[1][audience])) for audience in READERS
        }
        self._parts = (whole, parts)
        return parts

    def _write(self, parts: Mapping[str, Snapshot], now: datetime) -> None:
        version = self._memory.next_version(self._standing.version)
        for audience, part in parts.items():
            write_snapshot(self._path(audience), encode(replace(part, version=version)), self._gids.get(audience))
            self._written[audience] = part
            self._stand(version=version, published_at=now)
            self._written_at = time.monotonic()
        LOG.info("snapshot %d.%d published for %s", version.epoch, version.counter, ", ".join(parts))

    def _same(self, audience: str, part: Snapshot) -> bool:
        written = self._written.get(audience)
        return written is not None and self._path(audience).exists() and same_meaning(written, part)

    def _stand(self, **changes: Any) -> None:
        """Change what stands; looking and publishing happen in different threads."""
        with self._guard:
            self._standing = replace(self._standing, **changes)

    def _path(self, audience: str) -> Path:
        return self._folder / f"{audience}.snapshot"

    def _resume(self) -> None:
        """Go on from what an earlier process published: its versions, and to whom the doors were open then."""
        for audience in READERS:
            path = self._path(audience)
            try:
                found = decode(path.read_bytes())
                written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            except FileNotFoundError:
                continue
            except (OSError, BrokenSnapshot):
                LOG.warning("the published snapshot for %s cannot be read; it is written anew", audience)
                continue
            self._written[audience] = found
            newest = max(found.version, self._standing.version or found.version)
            self._stand(version=newest, published_at=written_at)
            if audience == "supervisor":
                self._last = found
                self.doors.look(found, written_at)


def _passed(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now
