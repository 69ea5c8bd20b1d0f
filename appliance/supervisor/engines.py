"""After an upgrade of an engine, unattended ones above all: its unit runs the new one, each probe is run, it is told.

May live here: which package concerns which unit, and the steps. May not: probes, how a unit is restarted
(``launcher``), how it is told (``alerts``). What is installed is read from dpkg's own record (dpkg(1),
/var/lib/dpkg/status). Blocking.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.supervisor.launcher.seam import Launcher
from appliance.supervisor.state import State

LOG = logging.getLogger(__name__)

ENGINES: Final[Mapping[str, tuple[str, ...]]] = {
    "slapd": ("directory",),
    "samba": ("domain",),
    "samba-libs": ("domain",),
    "chrony": ("time",),
    "dovecot-core": ("imap",),
    "dovecot-imapd": ("imap",),
    "dovecot-auth-lua": ("imap",),
    "dovecot-gssapi": ("imap",),
    "python3-aiosmtpd": ("mail",),
    "python3-pyftpdlib": ("fileshare",),
    "python3-twisted": ("proxy",),
    "rsync": (),
    "openssh-client": (),
}
"""Debian package -> the units that go on with the old one until they are restarted."""

STATUS: Final = Path("/var/lib/dpkg/status")
_LOOK = 10.0
_SOON = 1.0
_SETTLE = 5.0
_LIMIT = 180.0
"""Seconds for units to come up and probes to become right; then it is told as it is."""

Changes = Mapping[str, tuple[str, str]]
"""Package -> version before and after."""


class Prover(Protocol):
    """Who probes: :class:`appliance.supervisor.health.Health`."""

    def prove(self) -> dict[str, str]:
        """Run every probe now; gives those that are not right with what they say."""


@dataclass(slots=True)
class _Upgrade:
    changes: Changes
    units: frozenset[str]
    at: datetime
    until: float


class Engines:
    """Watches the packages of engines. ``tell(text)`` gets what came of an upgrade; raises what ``State`` raises."""

    def __init__(
        self,
        state: State,
        launcher: Launcher,
        prover: Prover,
        tell: Callable[[str], None],
        status: Path = STATUS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._launcher = launcher
        self._prover = prover
        self._tell = tell
        self._status = status
        self._clock = clock
        self._stamp: tuple[int, int] | None = None
        self._seen: tuple[Changes, float] | None = None
        self._upgrade: _Upgrade | None = None
        self._said = "no upgrade seen since the start"

    def check(self) -> dict[str, Any]:
        """Give the row of status about engines; whether they work, probes say."""
        return {"name": "engines", "ok": True, "text": self._said}

    def work(self) -> float:
        """Do the next step, if there is one; gives the seconds until the next look."""
        if self._upgrade is not None:
            return self._go_on(self._upgrade)
        try:
            about = self._status.stat()
            stamp = (about.st_mtime_ns, about.st_size)
            if stamp == self._stamp:
                return _LOOK
            found, whole = installed(self._status.read_text(encoding="utf-8", errors="replace"), ENGINES)
        except OSError:
            return _LOOK  # no Debian: whoever made this system tells of upgrades
        if not whole:
            return _SETTLE
        known = self._known()
        changes = {
            name: (known[name], version) for name, version in found.items() if known.get(name, version) != version
        }
        if not changes:
            if known != found:
                self._keep(found)
            self._stamp, self._seen = stamp, None
            return _LOOK
        if self._seen is None or self._seen[0] != changes:
            self._seen = changes, self._clock()
        if self._clock() - self._seen[1] < _SETTLE:
            return _SOON  # more may come: one upgrade, one restart
        unpacked = max(self._unpacked_at(name, about.st_mtime) for name in changes)
        self._upgrade, self._seen = self._begin(changes, datetime.fromtimestamp(unpacked, UTC)), None
        return _SOON

    def _unpacked_at(self, name: str, otherwise: float) -> float:
        """When dpkg put the files of a package there: a unit that began later, perhaps for that reason, has them."""
        info = self._status.parent / "info"
        for path in (info / f"{name}.list", *info.glob(f"{name}:*.list")):
            with suppress(OSError):
                return path.stat().st_mtime
        return otherwise

    def _begin(self, changes: Changes, changed_at: datetime) -> _Upgrade:
        """Restart the units that still run what was there before; raises nothing for what cannot be asked."""
        at, asked = datetime.now(UTC), set()
        concerned = {unit for name in changes for unit in ENGINES[name]}
        try:
            for unit in self._launcher.states():
                if unit.name in concerned and unit.since <= changed_at:
                    LOG.info("unit %s is restarted: what it runs was upgraded", unit.name)
                    self._launcher.restart(unit.name)
                    asked.add(unit.name)
        except (Unreachable, RequestRefused) as problem:
            LOG.error("units cannot be restarted after an upgrade: %s", problem)
        return _Upgrade(changes, frozenset(asked), at, self._clock() + _LIMIT)

    def _go_on(self, upgrade: _Upgrade) -> float:
        late = self._clock() >= upgrade.until
        down = self._down(upgrade)
        if down and not late:
            return _SOON
        failed = self._prover.prove()
        if failed and not late:
            return _SOON
        self._upgrade = None
        self._said = f"{_told(upgrade.changes)}: {_outcome(down, failed)}"
        LOG.info("upgraded: %s", self._said)
        self._tell(self._said)
        self._keep(self._known() | {name: new for name, (_, new) in upgrade.changes.items()})
        return _SOON

    def _down(self, upgrade: _Upgrade) -> list[str]:
        """The restarted units that do not serve again."""
        try:
            up = {unit.name for unit in self._launcher.states() if unit.serves and unit.since > upgrade.at}
        except Unreachable:
            up = set()
        return sorted(upgrade.units - up)

    def _known(self) -> dict[str, str]:
        with self._state.read() as database:
            return dict(database.execute("SELECT name, version FROM engine").fetchall())

    def _keep(self, versions: Mapping[str, str]) -> None:
        with self._state.change(published=False) as database:
            database.execute("DELETE FROM engine")
            database.executemany("INSERT INTO engine VALUES (?, ?)", versions.items())


def installed(status: str, names: Iterable[str]) -> tuple[dict[str, str], bool]:
    """Give the versions of those of ``names`` that are installed; ``False``: dpkg is in the middle of one."""
    found, whole = {}, True
    wanted = "|".join(map(re.escape, names))
    for match in re.finditer(rf"^Package: ({wanted})\n(?:.+\n)*", status, re.MULTILINE):
        fields = dict(re.findall(r"^(Status|Version): (.*)$", match[0], re.MULTILINE))
        state = fields.get("Status", "").rpartition(" ")[2]
        if state == "installed":
            found[match[1]] = fields.get("Version", "")
        elif state not in ("config-files", "not-installed"):
            whole = False
    return found, whole


def _told(changes: Changes) -> str:
    """Write packages that changed alike together: ``dovecot-core, dovecot-imapd 2.3.19 -> 2.3.21``."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, step in sorted(changes.items()):
        alike.setdefault(step, []).append(name)
    return "; ".join(f"{', '.join(names)} {old} -> {new}" for (old, new), names in alike.items())


def _outcome(down: list[str], failed: Mapping[str, str]) -> str:
    wrong = [f"unit {name} does not come up" for name in down]
    wrong += [f"probe {name}: {text}" for name, text in failed.items()]
    return f"NOT right: {'; '.join(wrong)}" if wrong else "all probes right"
