"""Whether the server is well: units, processes, disks, publication, and probes that really use each service.

May live here: what is looked at, what makes it red, when a unit is restarted. May not: protocols (``probe_*``), psutil
(``figures``), timers and threads (``service``). Blocking; :meth:`Health.status` answers at once from the last look.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.supervisor.figures import Processes, Usage, space_left, space_problem
from appliance.supervisor.launcher.seam import Launcher, UnitState
from appliance.supervisor.probe import Probe, ProbeFailed, Result, Visitor
from appliance.supervisor.publisher import Publisher, Standing

if TYPE_CHECKING:
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

STALE: Final = 3
"""Intervals after which a look or a probe is too old to be believed."""
_LOOKS_AT_LEAST: Final = 10.0
"""Polls of the directory may be short; being busy for this many seconds is no alarm."""


class Visits(Protocol):
    """Who probes."""

    def visitor(self) -> Visitor:
        """The hidden account; raises :class:`ProbeFailed` while there is nobody."""

    def closed(self, probe: Probe) -> bool:
        """Whether the school has closed what ``probe`` uses."""


class Health:
    """Looks and probes, and tells how all stands."""

    def __init__(
        self,
        settings: Settings,
        launcher: Launcher,
        publisher: Publisher,
        probes: Sequence[Probe],
        visiting: Visits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._launcher = launcher
        self._publisher = publisher
        self._probes = probes
        self._visiting = visiting
        self._clock = clock
        self._guard = threading.Lock()
        self._looking = threading.Lock()
        self._processes = Processes()
        self._results = {probe.name: Result() for probe in probes}
        self._units: list[UnitState] = []
        self._installed: frozenset[str] | None = None  # None: the launcher has not told yet
        self._usage: Mapping[str, Usage] = {}
        self._space: Mapping[str, int] = {}
        self._launcher_problem: str | None = "not asked yet"
        self._looked: float | None = None
        self._read: tuple[datetime | None, float] = (None, float("-inf"))  # the directory's last look, when we saw it
        self._also: list[Callable[[], dict[str, Any] | None]] = []

    def look(self, unless_within: float = 0.0) -> None:
        """Ask the launcher, measure processes and disks; not if that was done within so many seconds."""
        with self._looking:
            if self._looked is None or self._clock() - self._looked >= unless_within:
                self._look()

    def probe(self, probe: Probe) -> None:
        """Run one probe, and restart the unit that it has found dead again and again.

        Nothing is run before the launcher was asked once, nor where what is to be probed is not installed.
        """
        if self._looked is None or not self._here(probe):
            return
        started, failed, said = self._clock(), None, None
        try:
            visitor = self._visiting.visitor()
            if not self._visiting.closed(probe):
                said = probe.run(visitor)
        except ProbeFailed as problem:
            failed = problem
        except Exception as problem:  # a probe that breaks is a failed one, never the end of probing
            LOG.exception("probe %s broke", probe.name)
            failed = ProbeFailed(None, f"the probe itself broke: {type(problem).__name__}")
        with self._guard:
            before = self._results[probe.name]
            result = self._results[probe.name] = before.after(failed, started, self._clock(), said)
        if result.ok != before.ok:
            LOG.info("probe %s: %s", probe.name, result.text)
        unit = result.restart_due()
        if unit is not None and self._may_restart(unit):
            self._restart(unit, probe.name)

    def prove(self) -> dict[str, str]:
        """Run every probe now; gives those that are not right with what they say."""
        for probe in self._probes:
            self.probe(probe)
        with self._guard:
            results = [(probe, self._results[probe.name]) for probe in self._probes if self._here(probe)]
            return {probe.name: result.text for probe, result in results if not result.ok}

    def also(self, *checks: Callable[[], dict[str, Any] | None]) -> None:
        """Show the rows of ``checks``, each with ``name``, ``ok`` and ``text``, among the checks; ``None``: no row."""
        self._also += checks

    def installed(self, unit: str) -> bool:
        """Whether the launcher has told of ``unit``."""
        return self._installed is not None and unit in self._installed

    def proved(self, probe: Probe) -> bool:
        """Whether ``probe`` was right at least once; until then its service is only coming up."""
        with self._guard:
            return self._results[probe.name].proved or not self._here(probe)

    def status(self) -> dict[str, Any]:
        """Everything, as the result of the verb ``status``.

        ``healthy``, ``summary`` (one line), ``units``, ``probes``, ``checks`` (each with ``ok`` and ``text``),
        ``snapshot``, ``space`` (bytes left by folder).
        """
        with self._guard:
            units = [self._unit(unit) for unit in self._units]
            probes = [self._probe(probe.name, self._results[probe.name]) for probe in self._probes if self._here(probe)]
            checks = self._checks()
        standing, snapshot = self._publisher.standing, self._publisher.snapshot
        bad = [unit["name"] for unit in units if not unit["ok"]]
        bad += [f"probe {probe['name']}" for probe in probes if not probe["ok"]]
        bad += [check["name"] for check in checks if not check["ok"]]
        accounts = sum(not account.hidden for account in snapshot.accounts.values()) if snapshot else 0
        summary = f"not well: {', '.join(bad)}" if bad else f"well; {len(units)} units, {accounts} accounts"
        version = standing.version
        return {
            "healthy": not bad,
            "summary": summary,
            "units": units,
            "probes": probes,
            "checks": checks,
            "snapshot": {
                "version": [version.epoch, version.counter] if version else None,
                "published_at": standing.published_at.isoformat() if standing.published_at else None,
                "accounts": accounts,
            },
            "space": dict(self._space),
        }

    def _look(self) -> None:
        server = self.settings.server
        try:
            units, problem = self._launcher.states(), None
        except (Unreachable, RequestRefused) as error:
            units, problem = [], str(error)
        usage = self._processes.measure({unit.name: unit.pid for unit in units if unit.pid is not None})
        space = space_left({"state": server.state, "data": server.data, "runtime": server.runtime})
        with self._guard:
            self._units, self._launcher_problem = units, problem
            if problem is None:
                self._installed = frozenset(unit.name for unit in units)
            self._usage, self._space, self._looked = usage, space, self._clock()

    def _here(self, probe: Probe) -> bool:
        """Whether this machine has what ``probe`` is to use; assumed until the launcher has told."""
        return self._installed is None or probe.units <= self._installed

    def _unit(self, unit: UnitState) -> dict[str, Any]:
        usage = self._usage.get(unit.name)
        figures = asdict(usage) if usage else {"memory": None, "cpu": None, "descriptors": None, "processes": 0}
        return {
            "name": unit.name,
            "ok": unit.healthy,
            "state": str(unit.state),
            "pid": unit.pid,
            "since": unit.since.isoformat(),
            "restarts": unit.restarts,
            "status": unit.status,
            **figures,
        }

    def _probe(self, name: str, result: Result) -> dict[str, Any]:
        age = None if result.ended is None else round(self._clock() - result.ended, 1)
        stale = age is None or age > STALE * self.settings.server.probe_interval
        text = f"{result.text}; no answer for {age:g} s" if stale and age is not None else result.text
        return {
            "name": name,
            "ok": result.ok and not stale,
            "age": age,
            "took": round(result.took, 3),
            "failures": result.failures,
            "text": text,
        }

    def _checks(self) -> list[dict[str, Any]]:
        standing, server = self._publisher.standing, self.settings.server
        launcher = self._launcher_problem
        if launcher is None and self._clock() - (self._looked or 0.0) > STALE * max(server.probe_interval, 1.0):
            launcher = "not asked lately"
        checks = [
            _check("launcher", launcher, "answers"),
            _check("directory", self._directory_problem(standing), "answers"),
            _check("snapshot", standing.problem or (None if standing.version else "none yet"), "published"),
            _check("separation", None, _SEPARATION[server.identity]),
        ]
        for name, left in self._space.items():
            problem = space_problem(name, left, server.reserve)
            checks.append(_check(f"space {name}", problem, f"{left // 2**20} MiB free"))
        return [*checks, *(row for check in self._also if (row := check()) is not None)]

    def _directory_problem(self, standing: Standing) -> str | None:
        """Its age goes by when we saw it change: a clock that is set makes nothing old."""
        if standing.looked_at != self._read[0]:
            self._read = (standing.looked_at, self._clock())
        if standing.away:
            return f"no answer since {standing.away_since:%H:%M:%S} UTC: {standing.away}"
        patience = max(STALE * self.settings.directory.poll + self.settings.directory.timeout, _LOOKS_AT_LEAST)
        return "not read lately" if self._clock() - self._read[1] > patience else None

    def _may_restart(self, name: str) -> bool:
        """Not while the reason is known to be another, nor while the unit is only coming up."""
        with self._guard:
            found = next((unit for unit in self._units if unit.name == name), None)
            down = any(not unit.serves for unit in self._units if unit.name in {"directory", "domain", "auth"} - {name})
        away = self._publisher.standing.away and name != "domain"  # it is the directory
        if found is None or not found.serves or down or away:
            return False
        return datetime.now(UTC) - found.since > timedelta(seconds=STALE * self.settings.server.probe_interval)

    def _restart(self, unit: str, probe: str) -> None:
        LOG.warning("unit %s is restarted: probe %s failed again and again", unit, probe)
        try:
            self._launcher.restart(unit)
        except (Unreachable, RequestRefused) as error:
            LOG.error("unit %s cannot be restarted: %s", unit, error)


_SEPARATION = {
    "users": "each part runs as a user of its own",
    "numbers": "each part runs under a number of its own",
    "same": "none: all parts run as one user; our code, not the kernel, keeps people's files apart (a demo only)",
}


def _check(name: str, problem: str | None, well: str) -> dict[str, Any]:
    return {"name": name, "ok": problem is None, "text": well if problem is None else problem}
