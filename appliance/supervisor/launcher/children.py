"""The launcher that plays systemd's part: one loop, one thread, all units as its children.

May live here: the loop, and the order in which units come and go. May not: what happens to one unit (``managed``), or
when it is given up (``life``). The launcher never accepts a client's connection; it only keeps the sockets.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import appliance
from appliance.daemon.identities import Identities
from appliance.daemon.reload_line import ReloadUnanswered
from appliance.daemon.wire import Refusal
from appliance.supervisor.launcher import folders, sockets
from appliance.supervisor.launcher.desk import Desk
from appliance.supervisor.launcher.managed import Managed
from appliance.supervisor.launcher.notification import NotifySocket
from appliance.supervisor.launcher.reloading import Answer, Reloading
from appliance.supervisor.launcher.seam import State, UnitState
from appliance.supervisor.launcher.unit import Folder, LauncherError, Readiness, TcpListener, Unit, UnixListener

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_SOURCE = Path(appliance.__file__).resolve().parent.parent
_PROBE = 0.05
_OWN = "launcher"


class ChildLauncher:
    """Starts ``units`` and keeps them going until it is told to stop.

    ``start`` binds all sockets and makes all folders, or raises :class:`LauncherError` with nothing left behind;
    ``run``, in the main thread of a process without other threads, starts the units and returns when all have ended.
    ``changed`` is called from the loop whenever a unit's state has changed and must not wait.
    """

    def __init__(
        self, settings: Settings, units: Sequence[Unit], changed: Callable[[list[UnitState]], None] | None = None
    ) -> None:
        by_name = {unit.name: unit for unit in units}
        order = TopologicalSorter({unit.name: unit.after for unit in units}).static_order()
        self._units = [by_name[name] for name in order]
        self._settings = settings
        self._identities = Identities(settings.server)
        self._runtime = settings.server.runtime / _OWN
        self._logs = settings.server.state / "log"
        self._changed = changed
        self._managed: dict[str, Managed] = {}
        self._selector = selectors.DefaultSelector()
        self._desk: Desk | None = None
        self._sockets: list[tuple[socket.socket, Path | None]] = []
        self._made: list[Folder] = []
        self._wake_reading, self._wake_writing = socket.socketpair()
        self._stop_asked = 0
        self._reload_asked = False

    def start(self) -> None:
        """Make the folders and bind every socket; raises :class:`LauncherError` that tells all that is wrong."""
        try:
            self._start()
        except LookupError as error:  # a user or group of the server is missing
            self._clean_up()
            raise LauncherError(str(error)) from error
        except BaseException:
            self._clean_up()
            raise

    def run(self) -> None:
        """Start the units and look after them until :meth:`stop`, SIGTERM or SIGINT; SIGHUP reloads all of them."""
        try:
            with self._signals():
                while self._step():
                    pass
        finally:
            for managed in self._managed.values():
                managed.finish()
            self._clean_up()

    def stop(self) -> None:
        """Let ``run`` end the units in reverse order and return; a second call ends them at once. For any thread."""
        self._stop_asked += 1
        self._wake()

    def states(self) -> list[UnitState]:
        """Every unit, in starting order."""
        return [managed.state() for managed in self._managed.values()]

    def restart(self, name: str, answer: Answer) -> None:
        """Ask for a fresh process of unit ``name``; answered at once."""
        if (managed := self._unit(name, answer)) is None:
            return
        now = time.monotonic()
        if not self._stop_asked:
            managed.carry_out(managed.life.restart(now), now)
        answer(None)

    def reload(self, name: str, answer: Answer) -> None:
        """Ask unit ``name`` to read its settings again; answered when they count, or at once by an engine."""
        if (managed := self._unit(name, answer)) is None:
            return
        number = managed.unit.reload_signal
        if number is None:
            answer(Refusal("not-possible", f"unit {name} cannot be reloaded"))
        elif managed.life.state is not State.READY or managed.pid is None:
            answer(Refusal("not-possible", f"unit {name} is not ready"))
        else:
            try:
                Reloading(self._selector, managed.pid, answer)
            except ReloadUnanswered:
                managed.signal(number)
                answer(None)

    def _unit(self, name: str, answer: Answer) -> Managed | None:
        managed = self._managed.get(name)
        if managed is None:
            answer(Refusal("unknown-unit", f"there is no such unit; known are {', '.join(self._managed)}"))
        return managed

    def _start(self) -> None:
        self._make(Folder(self._settings.server.runtime, "privileged", "privileged", 0o755))
        own = Folder(self._runtime, "privileged", "privileged", 0o711, transient=True)
        folders.make(own, self._owner(own.owner, own.group))
        desk = UnixListener(_OWN, self._runtime / "launcher.sock", "privileged", "supervisor")
        listener = self._bind(_OWN, desk)  # from here on nobody else uses these folders
        self._made.append(own)
        allowed = frozenset({0, os.geteuid(), self._identities.of("supervisor").uid})
        verbs = {"restart": self.restart, "reload": self.reload}
        self._desk = Desk(self._selector, listener, allowed, self.states, verbs)
        self._wake_reading.setblocking(False)
        self._wake_writing.setblocking(False)
        self._selector.register(self._wake_reading, selectors.EVENT_READ, self._woken)
        self._make(Folder(self._settings.server.state, "privileged", "privileged", 0o755))
        self._make(Folder(self._logs, "privileged", "privileged", 0o700))
        server = self._settings.server
        for unit in self._units:
            for folder in unit.folders:
                self._make(folder)
        identities = [self._identities.of(unit.identity) for unit in self._units]
        folders.check_reachable((_SOURCE, self._settings.folder, server.state, server.runtime, server.data), identities)
        self._bind_all()

    def _bind_all(self) -> None:
        problems = []
        for unit in self._units:
            bound = []
            for listener in unit.listeners:
                try:
                    bound.append((listener.name, self._bind(unit.name, listener)))
                except LauncherError as error:
                    problems.append(str(error))
            if not problems:
                self._managed[unit.name] = self._manage(unit, bound)
        if problems:
            raise LauncherError("\n".join(problems))

    def _bind(self, unit: str, listener: TcpListener | UnixListener) -> socket.socket:
        if isinstance(listener, TcpListener):
            sock = sockets.bind_tcp(unit, listener)
            self._sockets.append((sock, None))
        else:
            sock = sockets.bind_unix(unit, listener, self._owner(listener.owner, listener.group))
            self._sockets.append((sock, listener.path))
        return sock

    def _manage(self, unit: Unit, bound: list[tuple[str, socket.socket]]) -> Managed:
        identity = self._identities.of(unit.identity)
        notify = NotifySocket(unit.name, self._runtime / f"{unit.name}.notify", (identity.uid, identity.gid))
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/",
            "PYTHONPATH": str(_SOURCE),
            "SCHOOLSERVER_SETTINGS": str(self._settings.folder),
        }
        if "PYTHONDONTWRITEBYTECODE" in os.environ:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        log = self._logs / f"{unit.name}.log"
        helper = self._identities.of("privileged")
        managed = Managed(unit, identity, helper, bound, notify, environment, log)
        self._selector.register(notify, selectors.EVENT_READ, lambda: managed.heard(time.monotonic()))
        return managed

    def _make(self, folder: Folder) -> None:
        folders.make(folder, self._owner(folder.owner, folder.group))
        if folder.transient:
            self._made.append(folder)

    def _owner(self, owner: str, group: str) -> tuple[int, int]:
        named = group in ("services", "admin")
        return self._identities.of(owner).uid, self._identities.group(group) if named else self._identities.of(
            group
        ).gid

    def _step(self) -> bool:
        """One turn of the loop; whether there is to be another."""
        now = time.monotonic()
        for managed in self._managed.values():
            managed.heard(now)
            managed.reap(now)
            managed.carry_out(managed.life.tick(now), now)
            if managed.unit.readiness is Readiness.CONNECT:
                managed.probe(now)
        if self._reload_asked:
            self._reload_all()
        if self._stop_asked:
            self._stop_next(now)
        else:
            self._start_next(now)
        changes = [managed.noticed() for managed in self._managed.values()]
        if any(changes) and self._changed is not None:
            self._changed(self.states())
        if self._stop_asked and all(managed.life.state is State.STOPPED for managed in self._managed.values()):
            return False
        if any(changes):
            return True  # one unit's change may be what another waits for
        for key, _ in self._selector.select(self._patience(now)):
            key.data()
        return True

    def _start_next(self, now: float) -> None:
        for managed in self._managed.values():
            if managed.life.state is State.WAITING and all(self._managed[name].tried for name in managed.unit.after):
                managed.carry_out(managed.life.begin(now), now)

    def _stop_next(self, now: float) -> None:
        needed = {
            name
            for managed in self._managed.values()
            if managed.life.state is not State.STOPPED
            for name in managed.unit.after
        }
        for managed in self._managed.values():
            if self._stop_asked > 1:
                managed.kill()
            if managed.unit.name not in needed and managed.life.state not in (State.STOPPING, State.STOPPED):
                managed.carry_out(managed.life.stop(now), now)

    def _patience(self, now: float) -> float | None:
        moments = [managed.life.due for managed in self._managed.values() if managed.life.due is not None]
        if any(
            managed.unit.readiness is Readiness.CONNECT and managed.life.state is State.STARTING
            for managed in self._managed.values()
        ):
            moments.append(now + _PROBE)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        handlers = {
            signal.SIGTERM: self._stop_signal,
            signal.SIGINT: self._stop_signal,
            signal.SIGHUP: self._reload_signal,
            signal.SIGCHLD: self._child_signal,
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        descriptor = signal.set_wakeup_fd(self._wake_writing.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked += 1

    def _child_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Nothing to do: the wake-up makes the loop look."""

    def _reload_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._reload_asked = True

    def _reload_all(self) -> None:
        self._reload_asked = False
        for name in self._managed:
            self.reload(name, lambda _: None)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_writing.send(b"\0")

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_reading.recv(4096):
                pass

    def _clean_up(self) -> None:
        """Close and remove what ``start`` made; the units have ended."""
        if self._desk is not None:
            self._desk.close()
        for managed in self._managed.values():
            managed.notify.close()
        for sock, path in self._sockets:
            sock.close()
            if path is not None:
                sockets.remove(path)
        for folder in reversed(self._made):
            folders.empty(folder)
        self._selector.close()
        self._wake_reading.close()
        self._wake_writing.close()
        self._sockets, self._made, self._managed, self._desk = [], [], {}, None
