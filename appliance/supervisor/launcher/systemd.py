"""The launcher of an installed server: systemd. Its states are read over D-Bus, which anybody may.

May live here: which of systemd's properties are asked. May not: what they mean (``systemd_state``); any change: only
root may restart a unit, so that goes through ``privileged``, which knows our units' names and no others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

from appliance.daemon.bus import SYSTEM_BUS, Bus, BusRefused, BusUnreachable, Call
from appliance.daemon.request_client import Unreachable
from appliance.supervisor.launcher.seam import UnitState
from appliance.supervisor.launcher.systemd_state import Shown, unit_state

_TIMEOUT: Final = 5.0
_SYSTEMD: Final = "org.freedesktop.systemd1"
_MANAGER: Final = "/org/freedesktop/systemd1"
_PROPERTIES: Final = (
    ("result", "Service", "Result"),
    ("main_pid", "Service", "MainPID"),
    ("exit_status", "Service", "ExecMainStatus"),
    ("restarts", "Service", "NRestarts"),
    ("text", "Service", "StatusText"),
    ("entered", "Unit", "ActiveEnterTimestampMonotonic"),
    ("changed", "Unit", "StateChangeTimestampMonotonic"),
)
"""Field of :class:`Shown`, systemd's interface, its property."""
_SOCKET: Final = ".socket"


class Hands(Protocol):
    """Who may touch units: the client of ``privileged``."""

    def unit_restart(self, name: str) -> None:
        """Ask for a fresh process of our unit ``name``."""

    def unit_reload(self, name: str) -> None:
        """Let our unit ``name`` read its settings again, and wait until they count."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """One of systemd's units and the object that stands for it."""

    name: str
    shown: Shown
    path: str


class SystemdLauncher:
    """The :class:`~appliance.supervisor.launcher.seam.Launcher` whose units are systemd's.

    ``names`` are our names of the units in starting order; those that this machine has not installed are left out of
    everything. Blocking (``states`` at most ``timeout`` seconds) and thread-safe; ``bus`` is the system bus's socket.
    """

    def __init__(self, names: Sequence[str], hands: Hands, timeout: float = _TIMEOUT, bus: Path = SYSTEM_BUS) -> None:
        self._names = tuple(names)
        self._hands = hands
        self._timeout = timeout
        self._bus = bus

    def states(self) -> list[UnitState]:
        """Every installed unit, in starting order. Raises ``Unreachable``."""
        try:
            with Bus(self._timeout, self._bus) as bus:
                listed = [one for one in _list(bus, self._names) if one.shown.installed]
                shown = _with_sockets(bus, listed, _details(bus, listed))
        except (BusUnreachable, BusRefused) as error:
            raise Unreachable(f"no answer from systemd: {error}") from error
        now, steady = datetime.now(UTC), time.monotonic()
        return [unit_state(one.name, details, now, steady) for one, details in zip(listed, shown, strict=True)]

    def restart(self, name: str) -> None:
        """Ask for a fresh process of unit ``name``. Raises ``Unreachable`` or ``RequestRefused``."""
        self._hands.unit_restart(name)

    def reload(self, name: str) -> None:
        """Let unit ``name`` read its settings again, and wait. Raises ``Unreachable`` or ``RequestRefused``."""
        self._hands.unit_reload(name)


def service_of(name: str) -> str:
    """Systemd's name of our unit ``name``."""
    return f"schoolserver-{name}.service"


def _list(bus: Bus, names: Sequence[str]) -> list[_Listed]:
    """All of ``names``, also those that systemd does not know; it loads what it had not loaded."""
    units = [service_of(name) for name in names]
    found = []
    for name, unit, row in zip(names, units, _rows(bus, units), strict=True):
        _id, _description, load, active, sub, _following, path, _number, job, _job_path = row
        found.append(_Listed(name, Shown(unit, load, active, sub, job), path))
    return found


def _rows(bus: Bus, units: Sequence[str]) -> Sequence[Any]:
    ask = Call(_SYSTEMD, _MANAGER, f"{_SYSTEMD}.Manager", "ListUnitsByNames", "as", (units,))
    ((rows,),) = bus.ask([ask])
    return cast("Sequence[Any]", rows)


def _with_sockets(bus: Bus, listed: Sequence[_Listed], shown: Sequence[Shown]) -> list[Shown]:
    """Add to ``shown`` which of their sockets failed."""
    answers = bus.ask([_get(one.path, "Unit", "TriggeredBy") for one in listed])
    sockets = [[unit for unit in answer[0][1] if unit.endswith(_SOCKET)] for answer in answers]
    rows = _rows(bus, sorted({unit for each in sockets for unit in each}))
    failed = {row[0]: row[6] for row in rows if row[3] == "failed"}
    names = bus.ask([_get(path, "Socket", "FileDescriptorName") for path in failed.values()])
    said = {unit: (str(name[0][1]), unit) for unit, name in zip(failed, names, strict=True)}
    return [
        replace(one, deaf=tuple(said[unit] for unit in sorted(each) if unit in said))
        for one, each in zip(shown, sockets, strict=True)
    ]


def _details(bus: Bus, listed: Sequence[_Listed]) -> list[Shown]:
    answers = iter(bus.ask([_get(one.path, kind, name) for one in listed for _field, kind, name in _PROPERTIES]))
    shown = []
    for one in listed:
        values: dict[str, Any] = {field: next(answers)[0][1] for field, _kind, _name in _PROPERTIES}
        shown.append(replace(one.shown, **values))
    return shown


def _get(path: str, kind: str, name: str) -> Call:
    return Call(_SYSTEMD, path, "org.freedesktop.DBus.Properties", "Get", "ss", (f"{_SYSTEMD}.{kind}", name))
