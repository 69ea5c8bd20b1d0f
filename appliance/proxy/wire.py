"""One socket of the data path: reads and writes that never wait, in clear or through TLS.

May live here: bytes in and out of a descriptor, what the kernel did not take yet. May not: what the bytes mean, when to
read. A wire is told of edges: ``readable`` stays true until a read has shown that nothing is left.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Final

from appliance.proxy.deadlines import NEVER
from appliance.proxy.poll import Poller

PIECE: Final = 64 * 1024
"""Bytes that are read at once."""
_GONE: Final = select.EPOLLHUP | select.EPOLLERR
_ENDING: Final = _GONE | select.EPOLLRDHUP
_ROOM: Final = _GONE | select.EPOLLOUT
_MORE: Final = ~select.EPOLLOUT
_USUAL: Final = select.EPOLLIN | select.EPOLLOUT
_AT_ONCE: Final = struct.pack("ii", 1, 0)
_FINISH, _CLOSE = 1, 2


class Receiver:
    """Whoever a wire belongs to at the moment; what a receiver leaves out does not matter to it.

    ``tick`` and ``leave`` are asked of who has a client's wire, ``drop`` also after a fault of ours.
    """

    __slots__ = ()

    def readable(self, wire: Wire) -> None:
        """Something may be read from ``wire``, or its end was reached."""

    def drained(self, wire: Wire) -> None:
        """All that was written to ``wire`` is on its way, after there had been too much; it may be closed now.

        Or it is connected now, or could not be (``gone``).
        """

    def broke(self) -> None:
        """End at once: a fault of ours."""
        self.drop()

    def tick(self, now: float) -> float | None:  # noqa: ARG002 - it matters to those that may be late
        """End what takes too long at ``now`` (s, monotonic); give when to look again, ``None``: never."""
        return None

    def leave(self) -> None:
        """End if nothing is under way: the service stops. Asked again and again."""

    def drop(self) -> None:
        """End at once."""


NOBODY: Final = Receiver()
"""To whom a wire belongs that nobody has yet, or any more: whoever gets it reads what it is told of then."""


class Wire:
    """The non-blocking socket ``descriptor``, told of by ``poller`` and belonging to ``receiver``.

    ``readable``: a read may give something. ``blocked``: something waits to be written, or it is not connected yet.
    ``gone``: both directions are closed or the connection is broken; ``ending``: the other side sends no more, or that.
    ``due`` is when it is looked at whether something takes too long (``deadlines``).
    """

    __slots__ = (
        "_afterwards", "_left", "blocked", "descriptor", "due", "ending", "gone", "poller", "readable", "receiver",
    )  # fmt: skip
    plain = True
    """Whether the bytes in the kernel are those that are read and written, so that they can be spliced."""

    def __init__(self, poller: Poller, descriptor: int, receiver: Receiver) -> None:
        self.poller = poller
        self.descriptor = descriptor
        self.receiver = receiver
        self.due = NEVER
        self.readable = self.blocked = self.gone = self.ending = False
        self._left: bytes | memoryview | None = None
        self._afterwards = 0

    def ready(self, mask: int) -> None:
        """Take events from the poller."""
        if mask == _USUAL and not self.blocked:
            self.readable = True
            self.receiver.readable(self)
            return
        if mask & _ENDING:
            self.ending = True
            if mask & _GONE:
                self.gone = True
        if self.blocked and mask & _ROOM:
            receiver = self.receiver
            self._flush()
            if not self.blocked:
                receiver.drained(self)
        if self.descriptor >= 0:
            if mask & _MORE:
                self.readable = True
            if self.readable:
                self.receiver.readable(self)

    def broke(self) -> None:
        """End: a fault of ours."""
        self.receiver.broke()

    def tick(self, now: float) -> float | None:
        """Let whoever has it end what takes too long."""
        return self.receiver.tick(now)

    def read(self, most: int = PIECE) -> bytes | None:
        """Give what has arrived, ``b""`` at the end, ``None`` for nothing; raises ``OSError`` when it is broken."""
        try:
            data = os.read(self.descriptor, most)
        except BlockingIOError:
            self.readable = False
            return None
        if len(data) < most:
            self.readable = self.ending  # less than there was room for: the kernel has no more
        return data

    def write(self, data: bytes) -> None:
        """Send ``data``, after what waits already; who writes on while it is ``blocked`` fills memory."""
        if self.blocked:
            self._left = bytes(self._left or b"") + data
            return
        sent = self._send(data)
        if sent < len(data):
            self._left = memoryview(data)[sent:]
            self.blocked = True

    def again(self) -> None:
        """Tell the receiver in the next round that something may be read, whether or not it may."""
        self.readable = True
        self.poller.again(self)

    def wait(self) -> None:
        """Tell the receiver when there is room: a write of its own was not taken, or it is not connected yet."""
        self.blocked = True

    def finish(self) -> None:
        """Send no more, once what waits is sent: the other side reads the end."""
        if self.blocked:
            self._afterwards = max(self._afterwards, _FINISH)
        elif self.descriptor >= 0:
            self._shut()

    def end(self) -> None:
        """Close, once what waits is sent."""
        if self.blocked:
            self._afterwards = _CLOSE
        else:
            self.close()

    def close(self) -> None:
        """End in order; what waits here is lost, what the kernel has is still sent."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            self.blocked = self.readable = False
            self._left = None
            self.receiver = NOBODY  # each would keep the other one until somebody walks through all objects
            self.poller.close(descriptor)

    def reset(self) -> None:
        """End so that the other side sees that something is missing."""
        if self.descriptor >= 0:
            with borrowed(self.descriptor) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.gone = True  # no close_notify: it would say that this is all
        self.close()

    def _flush(self) -> None:
        left = self._left
        if left is not None:
            sent = self._send(left)
            if sent < len(left):
                self._left = memoryview(left)[sent:]
                return
            self._left = None
        self.blocked = False
        if self._afterwards == _CLOSE:
            self.close()
        elif self._afterwards == _FINISH:
            self._shut()

    def _shut(self) -> None:
        one = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, self.descriptor)
        try:
            one.shutdown(socket.SHUT_WR)
        except OSError:
            self._lost()
        finally:
            one.detach()

    def _send(self, data: bytes | memoryview) -> int:
        """Give how much was taken; whoever is gone takes everything, and reading tells that he is."""
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._lost()
            return len(data)

    def _lost(self) -> None:
        self.gone = self.ending = self.readable = True
        self.poller.again(self)


class TlsWire(Wire):
    """The same through TLS, of whose server ``connection`` is the socket; ``descriptor`` is its."""

    __slots__ = ("_connection", "_shaken")
    plain = False

    def __init__(self, poller: Poller, connection: ssl.SSLSocket, receiver: Receiver) -> None:
        super().__init__(poller, connection.fileno(), receiver)
        self._connection: ssl.SSLSocket | None = connection
        """``None`` once it is closed: OpenSSL goes on to use the number of the descriptor, which may be another's."""
        self._shaken = False

    def ready(self, mask: int) -> None:
        """Take events: either kind may be what TLS waits for."""
        super().ready(mask | select.EPOLLIN | select.EPOLLOUT if mask else 0)

    def read(self, most: int = PIECE) -> bytes | None:
        """As :meth:`Wire.read`; an end without close_notify is one like any other: lengths are told inside."""
        connection = self._connection
        if connection is None:
            return None
        try:
            if not self._shaken:
                connection.do_handshake()
                self._shaken = True
            data = connection.recv(most)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self.readable = False
            return None
        if not data and not self.gone:
            self.gone = bool(_seen(self.descriptor, 0))  # Python tells a reset as an end
        return data

    def close(self) -> None:
        """End in order: close_notify, if there is room for it, then the socket."""
        connection = self._connection
        if connection is not None:
            self._say_bye(connection)
            self._connection = None
            connection.detach()
        super().close()

    def _shut(self) -> None:
        """Say that no more is sent; while the client sends without close_notify: Python reads then, and loses data."""
        connection = self._connection
        if connection is not None and not (connection.pending() or _seen(self.descriptor, select.POLLIN)):
            self._say_bye(connection)
        super()._shut()

    def _say_bye(self, connection: ssl.SSLSocket) -> None:
        if self._shaken and not self.gone:
            with contextlib.suppress(OSError, ValueError):
                connection.unwrap()

    def _send(self, data: bytes | memoryview) -> int:
        if self._connection is None:
            return len(data)
        try:
            return self._connection.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError:
            self._lost()
            return len(data)


def _seen(descriptor: int, events: int) -> int:
    """Give which of ``events`` (poll(2)) are there, and whether the connection is broken or closed both ways."""
    looking = select.poll()
    looking.register(descriptor, events)
    found = looking.poll(0)
    return found[0][1] if found else 0


@contextlib.contextmanager
def borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Give the socket ``descriptor`` for what only an object can do."""
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
    try:
        yield one
    finally:
        one.detach()
