"""TLS on a channel of pyftpdlib, by the standard library's ``ssl`` (RFC 4217).

May live here: handshake, sending, receiving and the end of a TLS connection. May not: commands, files. pyftpdlib's own
TLS takes a connection that was cut for one that ended; here only the peer's close_notify is an end (RFC 8446, 6.1).
"""

from __future__ import annotations

import ssl
from typing import Any

from pyftpdlib.ioloop import AsyncChat, RetryError

_AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BROKEN = (OSError, ValueError)  # SSLError is the first; the second: the socket is gone already
_LEAVE = 5.0


def strict(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let ``context`` tell the end of a connection from a cut; Python hides the difference unless told not to.

    It gives one session ticket and not the usual two (RFC 8446, 4.6.1): all data connections of a program go on with
    the session of its control connection, and each ticket costs a packet and a tenth of the handshake.
    """
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.num_tickets = 1
    return context


class Secured(AsyncChat):
    """To be put before ``FTPHandler`` or ``DTPHandler`` among the bases."""

    socket: Any
    handshaking = False
    secured = False
    _leaving = False
    _asked: int | None = None

    def __repr__(self) -> str:
        """Say no more than what it is: pyftpdlib puts it, with client and file, into texts that it then drops."""
        return object.__repr__(self)

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on, as its server."""
        try:
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
        except _BROKEN:
            self.close()
            return
        self.handshaking = True
        self._asked = self._wanted_io_events
        self._watch(self.ioloop.READ)

    def shaken(self, good: bool) -> None:
        """Called when the handshake is over; one that failed is followed by :meth:`close`."""

    def abort(self) -> None:
        """Close without the polite end of TLS."""
        self.handshaking = self.secured = self._leaving = False
        self.close()

    def modify_ioloop_events(self, events: int, logdebug: bool = False) -> None:
        """Watch for ``events``; during the handshake only for what that waits for."""
        self._asked = events
        if not self.handshaking and not self._leaving:
            super().modify_ioloop_events(events, logdebug)

    def readable(self) -> bool:
        """Whether something is to be done when there is something to read."""
        return self.handshaking or self._leaving or bool(super().readable())

    def writable(self) -> bool:
        """Whether something is to be done when there is room to write."""
        return self.handshaking or self._leaving or bool(super().writable())

    def handle_read_event(self) -> None:
        """Go on with the handshake, or read."""
        if self.handshaking:
            self._shake()
        elif not self._leaving:
            super().handle_read_event()

    def handle_write_event(self) -> None:
        """Go on with the handshake or with the end, or write."""
        if self.handshaking:
            self._shake()
        elif self._leaving:
            self.close()
        else:
            super().handle_write_event()

    def send(self, data: Any) -> int:
        """Send what fits at the moment and give how many bytes that was."""
        if self.handshaking or self._leaving:
            return 0
        if not self.secured:
            return int(super().send(data))
        try:
            return int(self.socket.send(data))
        except _AGAIN:
            return 0
        except _BROKEN:
            self.handle_close()
            return 0

    def recv(self, size: int) -> bytes:
        """Receive at most ``size`` bytes; none once the connection has ended. Raises ``RetryError``."""
        if not self.secured:
            return bytes(super().recv(size))
        try:
            data: bytes = self.socket.recv(size)
        except _AGAIN:
            raise RetryError from None
        except _BROKEN:
            data = b""
        if not data:
            self.handle_close()
        return data

    def close(self) -> None:
        """Say good bye in TLS and close; that may have to wait until there is room to write."""
        if self.secured and not self._closed:
            try:
                self.socket.unwrap()
            except ssl.SSLWantWriteError:
                if not self._leaving:
                    self._leaving = True
                    self._watch(self.ioloop.WRITE)
                    self.call_later(_LEAVE, self.abort)
                return
            except _BROKEN:
                pass  # ours is sent, and we need not see theirs; or there is nobody to say it to
        self.handshaking = self.secured = self._leaving = False
        super().close()

    def _shake(self) -> None:
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._watch(self.ioloop.READ)
        except ssl.SSLWantWriteError:
            self._watch(self.ioloop.WRITE)
        except _BROKEN:
            self.handshaking = False
            self.shaken(False)
            self.abort()
        else:
            self.handshaking, self.secured = False, True
            self._watch(self.ioloop.READ if self._asked is None else self._asked)
            self.shaken(True)

    def _watch(self, events: int) -> None:
        self.ioloop.modify(self._fileno, events)
        self._wanted_io_events = self._current_io_events = events
