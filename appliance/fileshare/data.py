"""The data connection: bytes of one file or listing, encrypted (RFC 4217, 9).

May live here: how bytes come and go, and when a transfer counts as whole. May not: decisions, the disk. An upload is
whole when the peer says so in TLS; a connection that is cut leaves nothing. One that grows too large is refused at
once; what the client has sent already is read away for a while, since many look at the reply only afterwards.
"""

from __future__ import annotations

import errno
import os
import ssl
from typing import Any

from pyftpdlib.handlers import DTPHandler, PassiveDTP

from appliance.fileshare.replies import Notice
from appliance.fileshare.secured import Secured
from appliance.fileshare.upload import TooLarge, Upload

_ROUNDS = 8
_BUFFER = memoryview(bytearray(64 * 1024))  # of all connections: there is one thread
_READ_AWAY = 64 * 1024 * 1024


class Door(PassiveDTP):
    """The port on which one data connection is awaited. Raises ``OSError`` when none of those agreed upon is free."""

    _tried = False

    def __init__(self, cmd_channel: Any, extmode: bool = False) -> None:
        try:
            super().__init__(cmd_channel, extmode)
        except OSError:
            self.close()
            raise

    def bind(self, addr: Any) -> None:
        """Take this port; but not, when all others are in use, any port: the firewall would not let it through."""
        if self._tried and addr[1] == 0:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._tried = addr[1] != 0
        super().bind(addr)

    def handle_timeout(self) -> None:
        """Close it; who waits for a transfer is told."""
        self.cmd_channel.nobody_came()
        self.close()

    def handle_accepted(self, sock: Any, addr: Any) -> None:
        """Take the connection, if it comes from where the control connection does; ignore all others."""
        if addr[0] == self.cmd_channel.remote_ip:
            super().handle_accepted(sock, addr)
        else:
            sock.close()


class Data(Secured, DTPHandler):
    """One data connection of ``cmd_channel`` (a :class:`.protocol.Connection`)."""

    file_obj: Any
    _initialized: bool

    def __init__(self, sock: Any, cmd_channel: Any) -> None:
        self.timeout = cmd_channel.timeout
        self._reading_away: int | None = None
        super().__init__(sock, cmd_channel)
        if self.connected:
            self._secure(cmd_channel.shared.tls)

    def _secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS, but give no session tickets.

        A client that only sends never reads them, and closing with bytes unread resets the connection and takes away
        the end of the file.
        """
        tickets = context.num_tickets
        context.num_tickets = 0
        try:
            self.secure(context)
        finally:
            context.num_tickets = tickets

    @property
    def running(self) -> bool:
        """Whether a transfer uses this connection."""
        return bool(self._initialized) and self._reading_away is None

    def shaken(self, good: bool) -> None:
        """Tell the client of a handshake that failed (RFC 4217, 10.2), if it waits for a transfer to end.

        One whose command was refused just closes; a reply to nothing would pass for that to its next command.
        """
        waited_for = self.receive or self.producer_fifo
        if not good and waited_for:
            self._resp = ("522 TLS could not be begun.", None)
        elif good and self.cmd_channel.may_not_begin_anew and not self.socket.session_reused:
            if waited_for:
                self._resp = (self.cmd_channel.text(Notice.NOT_RESUMED), None)
            self.abort()

    def send(self, data: Any) -> int:
        """Send what fits at the moment."""
        sent = Secured.send(self, data)
        self.tot_bytes_sent += sent
        return sent

    def handle_read_event(self) -> None:
        """Take what came."""
        if self.handshaking or self._leaving:
            super().handle_read_event()
            return
        for _ in range(_ROUNDS):
            try:
                count = self.socket.recv_into(_BUFFER)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except (OSError, ValueError):
                self._cut()
                return
            if count == 0:
                self._ended()
                return
            self.tot_bytes_received += count
            self._take(_BUFFER[:count])
            if self._closed or self._leaving:
                return

    def handle_close(self) -> None:
        """Take the end of the connection for what it is: never for the end of an upload."""
        if self.receive:
            self._cut()
        else:
            super().handle_close()

    def _take(self, data: memoryview) -> None:
        if self._reading_away is not None:
            self._reading_away -= len(data)
            if self._reading_away < 0:
                self.abort()
            return
        upload: Upload = self.file_obj
        try:
            upload.write(data)
        except (TooLarge, OSError) as error:
            self.file_obj = None
            upload.close()
            self._reading_away = _READ_AWAY
            self.cmd_channel.respond(self.cmd_channel.not_stored(upload, error))

    def _ended(self) -> None:
        upload, self.file_obj = self.file_obj, None
        if upload is not None:
            reply = self.cmd_channel.keep(upload)
            self.transfer_finished = reply.startswith("2")
            self._resp = (reply, None)
        self.close()

    def _cut(self) -> None:
        if self._reading_away is None and not self._closed:
            self._resp = (self.cmd_channel.aborted(), None)
        self.abort()
