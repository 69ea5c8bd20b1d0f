"""One unit under the launcher's care: its sockets, its process, its notifications.

May live here: carrying out what ``life`` orders, and telling ``life`` what happened. May not: any rule for when to
start, end or give up a unit, and any waiting.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.daemon.identities import Identity
from appliance.daemon.listeners import BACKLOG
from appliance.supervisor.launcher.life import Life, Order
from appliance.supervisor.launcher.notification import NotifySocket
from appliance.supervisor.launcher.seam import State, UnitState
from appliance.supervisor.launcher.spawn import Program, spawn
from appliance.supervisor.launcher.unit import Readiness, Unit

_log = logging.getLogger(__name__)
_LOG_LIMIT = 16 * 1024 * 1024


class Managed:
    """``unit`` with its bound ``listeners`` (name and socket), its notify socket, and whom it runs as.

    ``helper`` is the identity of ``unit.prepare``; ``environment`` what all units get; ``log`` the file for what it
    prints (``None``: the launcher's own stderr).
    """

    def __init__(
        self,
        unit: Unit,
        identity: Identity,
        helper: Identity,
        listeners: list[tuple[str, socket.socket]],
        notify: NotifySocket,
        environment: Mapping[str, str],
        log: Path | None,
    ) -> None:
        self.unit = unit
        self.life = Life(unit.watchdog, unit.start_timeout, unit.stop_timeout)
        self.notify = notify
        self.tried = False
        self.pid: int | None = None
        self._identity = identity
        self._helper = helper
        self._listeners = listeners
        self._environment = environment
        self._log = log
        self._preparing = False
        self._status = ""
        self._seen = (self.life.state, self.life.since)
        self._since = time.monotonic()

    def carry_out(self, order: Order | None, now: float) -> None:
        """Do what ``life`` orders."""
        match order:
            case Order.START:
                self._status = ""
                self._start(now, preparing=bool(self.unit.prepare))
            case Order.TERMINATE:
                self.signal(signal.SIGTERM)
                self.signal(signal.SIGCONT)
            case Order.ABORT:
                _log.error("unit %s is ended: %s", self.unit.name, self.life.reason)
                self.signal(signal.SIGABRT)
            case Order.KILL:
                self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the unit's main process, if there is one."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the unit's whole process group at once."""
        if self.pid is not None:
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self) -> None:
        """End the unit's whole process group at once and wait until its main process is gone."""
        self.kill()
        if self.pid is not None:
            os.waitpid(self.pid, 0)
            self.pid = None

    def heard(self, now: float) -> None:
        """Read what the unit has sent to its notify socket."""
        for message in self.notify.messages(None if self._preparing else self.pid):
            if message.status is not None:
                self._status = message.status
            if message.ready and self.unit.readiness is Readiness.NOTIFY:
                self._ready(now)
            if message.alive:
                self.life.alive(now)

    def probe(self, now: float) -> None:
        """See whether a unit that cannot tell takes a connection by now."""
        path = self.unit.ready_socket
        if self.life.state is not State.STARTING or self._preparing or path is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            if probe.connect_ex(str(path)) == 0:
                self._ready(now)

    def reap(self, now: float) -> None:
        """Notice that the process has ended; then nothing of its group stays."""
        if self.pid is None:
            return
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self.pid, flags) is None:
            return
        self.kill()  # while its number is still taken, so that it can be nobody else's
        _, code = os.waitpid(self.pid, 0)
        self.pid = None
        how = _how(os.waitstatus_to_exitcode(code))
        if self._preparing and how == "exit status 0" and self.life.state is State.STARTING:
            self._start(now, preparing=False)
            return
        self._ended(now, f"preparation: {how}" if self._preparing else how)

    def noticed(self) -> bool:
        """Whether the state has changed since the last call."""
        seen = (self.life.state, self.life.since)
        changed = seen != self._seen
        if changed:
            self._seen = seen
            self._since = time.monotonic()
        return changed

    def state(self) -> UnitState:
        """The unit at this moment."""
        life = self.life
        status = self._status if life.state is State.READY or not life.reason else life.reason
        # Reckoned back from now: whoever sets the clock makes no unit older or younger.
        since = datetime.now(UTC) - timedelta(seconds=time.monotonic() - self._since)
        return UnitState(self.unit.name, life.state, self.pid, since, life.restarts, status)

    def _start(self, now: float, *, preparing: bool) -> None:
        self._preparing = preparing
        log = self._open_log()
        program = Program(
            argv=self.unit.prepare if preparing else self.unit.argv,
            environment=self._environment if preparing else {**self._environment, **self._handed_over()},
            identity=self._helper if preparing else self._identity,
            output=2 if log is None else log,
            parent_death=self.unit.parent_death,
            umask=self.unit.umask,
            listeners=() if preparing else tuple(sock.fileno() for _, sock in self._listeners),
        )
        try:
            self.pid = spawn(program)
        except OSError as error:
            self._ended(now, str(error))
            return
        finally:
            if log is not None:
                os.close(log)
        if not preparing and self.unit.readiness is Readiness.EXEC:
            self._ready(now)

    def _handed_over(self) -> dict[str, str]:
        given = {"NOTIFY_SOCKET": str(self.notify.path)}
        if self.unit.watchdog is not None:
            given["WATCHDOG_USEC"] = str(int(self.unit.watchdog * 1_000_000))
        if self._listeners:
            given["LISTEN_FDS"] = str(len(self._listeners))
            given["LISTEN_FDNAMES"] = ":".join(name for name, _ in self._listeners)
        return given

    def _open_log(self) -> int | None:
        if self._log is None:
            return None
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
                self._log.replace(self._log.with_suffix(".old"))
            return os.open(self._log, flags, 0o600)
        except OSError as error:
            _log.error("the output of unit %s cannot be kept: %s", self.unit.name, os.strerror(error.errno or 0))
            return None

    def _widen(self) -> None:
        """Let as many clients wait as at the start: a program that listens anew (asyncio: 100) has made it fewer."""
        for _, sock in self._listeners:
            sock.listen(BACKLOG)

    def _ready(self, now: float) -> None:
        if self.life.state is State.STARTING:
            self.tried = True
            _log.info("unit %s is ready", self.unit.name)
            self._widen()
        self.life.ready(now)

    def _ended(self, now: float, how: str) -> None:
        self._widen()
        expected = self.life.state is State.STOPPING
        self.tried = True
        self.life.ended(now, how)
        level = logging.INFO if expected else logging.ERROR
        _log.log(level, "unit %s has ended: %s", self.unit.name, self.life.reason)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
