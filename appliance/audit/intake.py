"""The socket that services send events to: one datagram, one event (SOCK_SEQPACKET), and no answer ever.

May live here: reading and counting. May not: what becomes of an event. Whoever is connected is read in turns, so that
nobody keeps the others waiting; what is no event of the closed list is counted and otherwise ignored. The first event
is read at once, those that follow it a moment later together: waking up and flushing for each by itself would cost the
services more than what they report.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from appliance.policy.events import Event, WrongEvent, decode

_SIZE = 65_536
_TURN = 100
_TURNS = 10
_CONNECTIONS = 512
_PAUSE = 0.01
"""Seconds in which a connection's events gather. The kernel keeps some 540 of them, twice what one process can send."""


class Intake:
    """Reads ``listener`` and gives each valid event to ``take``; ``received`` and ``junk`` count datagrams."""

    def __init__(self, listener: socket.socket, take: Callable[[Event], None]) -> None:
        self.received = 0
        self.junk = 0
        self._listener = listener
        self._take = take
        self._open: dict[socket.socket, asyncio.TimerHandle | None] = {}
        self._loop = asyncio.get_running_loop()
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def stop(self) -> None:
        """Read what has been sent so far and close the connections; later events wait for the next process."""
        self._loop.remove_reader(self._listener)
        self.read_all()
        for connection in list(self._open):
            self._close(connection)

    def read_all(self) -> None:
        """Read what has been sent so far, but not for ever, however fast somebody sends on."""
        for connection in list(self._open):
            for _ in range(_TURNS):
                if not self._read(connection):
                    break

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._open) >= _CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        self._listen(connection)

    def _listen(self, connection: socket.socket) -> None:
        self._open[connection] = None
        self._loop.add_reader(connection, self._read_and_pause, connection)

    def _read_and_pause(self, connection: socket.socket) -> None:
        if not self._read(connection) and connection in self._open:
            self._loop.remove_reader(connection)
            self._open[connection] = self._loop.call_later(_PAUSE, self._listen, connection)

    def _read(self, connection: socket.socket) -> bool:
        """Take what is there, one turn at most; whether there may be more."""
        for _ in range(_TURN):
            try:
                data, _, flags, _ = connection.recvmsg(_SIZE)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                data, flags = b"", 0
            if not data:
                self._close(connection)
                return False
            self._count(data, cut=bool(flags & socket.MSG_TRUNC))
        return True

    def _count(self, data: bytes, *, cut: bool) -> None:
        self.received += 1
        try:
            if cut:
                raise WrongEvent("too long")
            event = decode(data)
        except WrongEvent:
            self.junk += 1
            return
        self._take(event)

    def _close(self, connection: socket.socket) -> None:
        paused = self._open.pop(connection)
        if paused is not None:
            paused.cancel()
        self._loop.remove_reader(connection)
        connection.close()
