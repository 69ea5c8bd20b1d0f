"""The socket that services send events to: one datagram, one event (SOCK_SEQPACKET), and no answer ever.

May live here: reading and counting. May not: what becomes of an event. Whoever is connected is read in turns, so that
nobody keeps the others waiting; what is no event of the closed list is counted and otherwise ignored.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from appliance.policy.events import Event, WrongEvent, decode

_SIZE = 65_536
_TURN = 100
_CONNECTIONS = 512


class Intake:
    """Reads ``listener`` and gives each valid event to ``take``; ``received`` and ``junk`` count datagrams."""

    def __init__(self, listener: socket.socket, take: Callable[[Event], None]) -> None:
        self.received = 0
        self.junk = 0
        self._listener = listener
        self._take = take
        self._open: set[socket.socket] = set()
        self._loop = asyncio.get_running_loop()
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def stop(self) -> None:
        """Read what has been sent so far and close the connections; later events wait for the next process."""
        self._loop.remove_reader(self._listener)
        for connection in list(self._open):
            while connection in self._open and self._read(connection):
                pass
        for connection in list(self._open):
            self._close(connection)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._open) >= _CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        self._open.add(connection)
        self._loop.add_reader(connection, self._read, connection)

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
        self._loop.remove_reader(connection)
        self._open.discard(connection)
        connection.close()
