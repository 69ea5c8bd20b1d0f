"""One forked worker, seen from inside: what it was given, and its line to the parent.

May live here: signals, heartbeat and messages of a worker. May not: a loop (it is handed to :meth:`Worker.attach`), and
what the service does.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from appliance.daemon.listeners import missing
from appliance.daemon.logs import Told, describe
from appliance.daemon.loop import Loop

_log = logging.getLogger(__name__)

S = TypeVar("S")

Done = Callable[[BaseException | None], None]
"""To be called once: with ``None`` when new settings are in force, or with why they are not."""


class Worker(Generic[S]):
    """What ``Program.run`` gets: ``name`` of the program, ``number`` from 0, ``settings``, ``listeners`` by name.

    ``settings`` follows reloads. ``listeners`` are non-blocking, shared with the other workers and with those that come
    after this one: close them at will, they go on listening.
    """

    def __init__(
        self,
        name: str,
        number: int,
        settings: S,
        listeners: Mapping[str, list[socket.socket]],
        read_again: Callable[[], S],
        line: int,
        beat: float,
    ) -> None:
        self.name = name
        self.number = number
        self.settings = settings
        self.listeners = listeners
        self._read_again = read_again
        self._line = line
        self._beat = beat
        self._parent = os.getppid()
        self._missed_reload = False
        signal.signal(signal.SIGHUP, self._remember_reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))

    def listening(self, name: str) -> list[socket.socket]:
        """Return the sockets handed in under ``name``; raise :class:`Told` when there are none."""
        found = self.listeners.get(name)
        if not found:
            raise Told(f"no listening socket named {name!r} was handed in; there are: {', '.join(self.listeners)}")
        return found

    def listening_if_any(self, name: str, socket_unit: str = "") -> list[socket.socket]:
        """Return the sockets handed in under ``name``; if there are none, the first worker tells the carer why.

        ``socket_unit`` is systemd's name of the socket, unless it is called as ``name``.
        """
        found = self.listeners.get(name, [])
        if not found and self.number == 0:
            _log.warning("%s", missing(name, self.name, socket_unit))
        return found

    def ready(self, status: str = "") -> None:
        """Say that this worker answers from now on; ``status`` is one line for the carer."""
        self._say("ready", status)

    def status(self, text: str) -> None:
        """Say how this worker is, in one line for the carer (counts, no names)."""
        self._say("status", text)

    def attach(self, loop: Loop, stop: Callable[[], None], reload: Callable[[S, Done], None]) -> None:
        """Let ``loop`` carry signals and heartbeat; to be called in its thread, the main one, once it runs.

        ``stop()`` is called once, to end gracefully. ``reload(settings, done)`` is called with new settings that are
        right, and calls ``done`` (or raises) when it is over; wrong ones are reported and the running ones stay.
        """

        def stop_once() -> None:
            nonlocal stop
            stop, asked = (lambda: None), stop
            asked()

        def read_again() -> None:
            self._reload(reload)

        def beat() -> None:
            self._say("beat")
            loop.call_later(self._beat, beat)

        signal.signal(signal.SIGTERM, lambda _number, _frame: loop.wake(stop_once))
        signal.signal(signal.SIGHUP, lambda _number, _frame: loop.wake(read_again))
        if self._missed_reload:
            loop.wake(read_again)
        beat()

    def _remember_reload(self, _number: int, _frame: object) -> None:
        self._missed_reload = True

    def _reload(self, reload: Callable[[S, Done], None]) -> None:
        try:
            settings = self._read_again()
        except Exception as error:  # the parent read them a moment ago and reports what is wrong with them
            _log.error("worker %d keeps its settings: %s", self.number, describe(error))
            self._say("kept", describe(error))
            return
        self.settings = settings
        try:
            reload(settings, self._reloaded)
        except Exception as error:  # a service that cannot take new settings goes on with its own
            self._reloaded(error)

    def _reloaded(self, error: BaseException | None) -> None:
        if error is None:
            self._say("reloaded")
            return
        _log.error("worker %d cannot go over to the new settings: %s", self.number, describe(error))
        self._say("kept", str(error) if isinstance(error, Told) else describe(error))

    def _say(self, *words: str) -> None:
        line = " ".join(" ".join(words).split())[:400].encode(errors="replace")
        try:
            os.write(self._line, line + b"\n")
        except BlockingIOError:
            return  # the parent is stopped and will see that something was said
        except OSError:
            os._exit(1)  # the parent is gone, and PR_SET_PDEATHSIG does not survive a change of credentials
