"""What the supervisor sees of a launcher, whichever starts the units: our own children or systemd.

May live here: the interface and the state of a unit as it travels. May not: how either launcher does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """Where a unit is in its life; only in ``READY`` it serves.

    ``FAILING``: it was given up and is being ended; ``PAUSING``: it ended by itself and will be started again.
    """

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILING = "failing"
    PAUSING = "pausing"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class UnitState:
    """A unit at this moment.

    ``pid`` is ``None`` while no process runs, ``since`` (aware) when ``state`` was reached, ``restarts`` how often it
    was started again, ``status`` its own last words, why it ended or what it lacks; no part of it names a person.
    ``whole``: it has all its ports; else it may serve on the others.
    """

    name: str
    state: State
    pid: int | None
    since: datetime
    restarts: int
    status: str
    whole: bool = True

    @property
    def serves(self) -> bool:
        """Whether it answers, on one port at least."""
        return self.state is State.READY

    @property
    def healthy(self) -> bool:
        """Whether the unit serves, on all its ports."""
        return self.serves and self.whole


class Launcher(Protocol):
    """Starts, watches and stops the units."""

    def states(self) -> list[UnitState]:
        """Every unit, in starting order; raises ``daemon.request_client.Unreachable`` when nobody answers."""

    def restart(self, name: str) -> None:
        """Ask for a fresh process; returns before it is ready. Raises ``RequestRefused`` for an unknown unit."""

    def reload(self, name: str) -> None:
        """Let the unit read its settings again; returns when they count there.

        Raises ``RequestRefused``: ``not-possible`` where it has no reload or does not run, ``reload-refused`` with the
        reasons when it goes on with its former ones.
        """
