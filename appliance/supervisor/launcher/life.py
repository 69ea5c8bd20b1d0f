"""The life of one unit as a table of states: what happened goes in, what to do comes out.

Pure: no process, no socket, no clock (``now`` is seconds of any steady clock). The driver is ``children``: it calls
``tick`` when ``due`` is reached, does what is returned, and reports what became of it.
"""

from __future__ import annotations

from enum import Enum, auto

from appliance.supervisor.launcher.backoff import Backoff
from appliance.supervisor.launcher.seam import State

ABORT_GRACE = 2.0


class Order(Enum):
    """What the driver has to do. ``KILL`` means the whole process group, so that no worker is left behind."""

    START = auto()
    TERMINATE = auto()
    ABORT = auto()
    KILL = auto()


class Life:
    """State of a unit with these ``watchdog`` (``None``: none), ``start_timeout`` and ``stop_timeout`` seconds.

    ``state`` is where it is, ``since`` when it got there, ``reason`` why it last ended, ``restarts`` how often it was
    started again.
    """

    def __init__(self, watchdog: float | None, start_timeout: float, stop_timeout: float) -> None:
        self.state = State.WAITING
        self.since = 0.0
        self.reason = ""
        self.restarts = 0
        self._watchdog = watchdog
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._backoff = Backoff()
        self._deadline: float | None = None
        self._again = True
        self._served = 0.0

    @property
    def due(self) -> float | None:
        """When ``tick`` wants to be called; ``None``: nothing is awaited."""
        return self._deadline

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.state in (State.STARTING, State.READY, State.STOPPING, State.FAILING)

    def begin(self, now: float) -> Order:
        """Start it: those it waits for are there, or somebody asked."""
        self._enter(State.STARTING, now, self._start_timeout)
        return Order.START

    def ready(self, now: float) -> None:
        """It says, or was seen, to serve."""
        if self.state is State.STARTING:
            self.reason = ""
            self._enter(State.READY, now, self._watchdog)

    def alive(self, now: float) -> None:
        """It gave a sign of life."""
        if self.state is State.READY and self._watchdog is not None:
            self._deadline = now + self._watchdog

    def ended(self, now: float, how: str) -> None:
        """Its process is gone, ``how`` says in what way; a unit that was not asked to stop will be started again."""
        if self.state is not State.FAILING:
            self.reason = how
        if not self._again:
            self._enter(State.STOPPED, now, None)
        elif self.state is State.STOPPING:
            self._enter(State.PAUSING, now, 0.0)
        else:
            self._leave_service(now)
            self._enter(State.PAUSING, now, self._backoff.pause(self._served))
        self._served = 0.0

    def stop(self, now: float) -> Order | None:
        """End it for good."""
        self._again = False
        if not self.running:
            self._enter(State.STOPPED, now, None)
            return None
        if self.state is State.FAILING:
            return None
        self._enter(State.STOPPING, now, self._stop_timeout)
        return Order.TERMINATE

    def restart(self, now: float) -> Order | None:
        """End it and start it afresh without a pause."""
        self._backoff.reset()
        if not self.running:
            self._enter(State.PAUSING, now, 0.0)
            return None
        if self.state in (State.STOPPING, State.FAILING):
            return None
        self._enter(State.STOPPING, now, self._stop_timeout)
        return Order.TERMINATE

    def tick(self, now: float) -> Order | None:
        """Act on the time that is over, if it is."""
        if self._deadline is None or now < self._deadline:
            return None
        match self.state:
            case State.STARTING:
                return self._give_up(now, f"not ready within {self._start_timeout:g} s")
            case State.READY:
                return self._give_up(now, f"no sign of life for {self._watchdog:g} s")
            case State.PAUSING:
                self.restarts += 1
                return self.begin(now)
            case _:
                self._deadline = None
                return Order.KILL

    def _give_up(self, now: float, reason: str) -> Order:
        self.reason = reason
        self._leave_service(now)
        self._enter(State.FAILING, now, ABORT_GRACE)
        return Order.ABORT

    def _leave_service(self, now: float) -> None:
        if self.state is State.READY:
            self._served = now - self.since

    def _enter(self, state: State, now: float, wait: float | None) -> None:
        self.state = state
        self.since = now
        self._deadline = None if wait is None else now + wait
