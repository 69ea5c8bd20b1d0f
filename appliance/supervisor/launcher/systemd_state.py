"""What systemd says of a unit, in our words: where it is in its life, and what the carer can do about it.

Pure: no bus, no clock. The names and values are those of org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.supervisor.launcher.seam import State, UnitState

WRONG_SETTINGS: Final = 2
"""Exit status of every daemon of ours when its settings are wrong; systemd does not start it again then."""

_STATES: Final = {
    "active": State.READY,
    "reloading": State.READY,  # it serves meanwhile
    "refreshing": State.READY,
    "activating": State.STARTING,
    "deactivating": State.STOPPING,
    "inactive": State.STOPPED,
    "failed": State.STOPPED,
    "maintenance": State.STOPPED,
}
_WHY: Final = {
    "protocol": "it ended before it was ready",
    "timeout": "it was not ready, or had not ended, in time",
    "core-dump": "it crashed",
    "watchdog": "it gave no sign of life",
    "oom-kill": "it was ended because memory ran short",
    "resources": "systemd could not start it",
    "exec-condition": "a condition in its unit file does not hold",
    "start-limit-hit": "it failed again and again and was given up",
}
_STATUS_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """The properties of a unit ``unit`` (``schoolserver-mail.service``) that we look at.

    ``entered`` and ``changed`` are microseconds of the monotonic clock: when it last became active, and when it came
    to where it is. ``job`` is the kind of job that waits for it (``start``), or empty. ``deaf`` are its sockets that
    failed, which another program's hold on a port does: what is listened for, and the unit of the socket.
    """

    unit: str
    load: str
    active: str
    sub: str
    job: str = ""
    result: str = "success"
    main_pid: int = 0
    exit_status: int = 0
    restarts: int = 0
    text: str = ""
    entered: int = 0
    changed: int = 0
    deaf: tuple[tuple[str, str], ...] = ()

    @property
    def installed(self) -> bool:
        """Whether this machine has such a unit."""
        return self.load != "not-found"


def unit_state(name: str, shown: Shown, now: datetime, steady: float) -> UnitState:
    """Translate for our unit ``name``; ``now`` (aware) and ``steady`` (monotonic seconds) are the same moment."""
    state = _state(shown)
    moment = shown.entered if state is State.READY else shown.changed
    since = now - timedelta(seconds=max(0.0, steady - moment / 1e6)) if moment else now
    text = shown.text[:_STATUS_LENGTH] if state is State.READY else _reason(state, shown)  # or it may be its last words
    if shown.deaf:
        text = "; ".join((*(_deaf(*each) for each in shown.deaf), f"then: systemctl restart {shown.unit}"))
    return UnitState(name, state, shown.main_pid or None, since, shown.restarts, text, whole=not shown.deaf)


def _deaf(name: str, socket_unit: str) -> str:
    return f"nothing listens for {name}: see systemctl status {socket_unit}"


def _state(shown: Shown) -> State:
    state = _STATES.get(shown.active, State.FAILING)
    if state is State.STARTING and shown.sub.startswith("auto-restart"):
        return State.PAUSING
    if state is State.STOPPING and (shown.sub.endswith("watchdog") or shown.result != "success"):
        return State.FAILING
    if state is State.STOPPED and shown.active == "inactive" and shown.job in ("start", "restart"):
        return State.WAITING
    return state


def _reason(state: State, shown: Shown) -> str:
    """Why it does not serve, and if systemd does nothing about it, what to do."""
    unit = shown.unit
    if shown.load == "masked":
        return f"masked; to start it: systemctl unmask {unit} && systemctl start {unit}"
    if shown.load not in ("loaded", "merged"):
        return f"its unit file cannot be used: systemctl status {unit} says why"
    if state is not State.STOPPED:
        return "" if shown.result == "success" else _why(shown)
    if shown.active == "inactive":
        return f"stopped; to start it: systemctl start {unit}"
    if shown.result == "exit-code" and shown.exit_status == WRONG_SETTINGS:
        return f"wrong settings: schoolserver check says which; then: systemctl start {unit}"
    again = f"systemctl reset-failed {unit} && systemctl start {unit}"
    if shown.result == "start-limit-hit" or not shown.exit_status:  # what runs before it looks at the settings, too
        return f"{_why(shown)}: see schoolserver check and journalctl -u {unit}; then: {again}"
    return f"{_why(shown)}: see journalctl -u {unit}; then: {again}"


def _why(shown: Shown) -> str:
    if shown.result == "exit-code":
        return f"exit status {shown.exit_status}" if shown.exit_status else "what must run before it failed"
    if shown.result == "signal":
        return f"ended by {_signal_name(shown.exit_status)}"
    return _WHY.get(shown.result, f"it failed ({shown.result})")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
