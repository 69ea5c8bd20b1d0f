"""Telling who started us how we are: sd_notify(3) over the datagram socket that ``NOTIFY_SOCKET`` names.

May live here: that protocol. May not: when to say what (``crew``). Nothing here waits: a message that cannot be sent at
once is dropped, for the next one says the same or better.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping


class Notifier:
    """Sends messages to ``address`` (a path, or ``@name`` in the abstract namespace; None: nobody asked for any).

    ``watchdog`` is after how many seconds without :meth:`watchdog_fed` we are taken for dead; None: nobody watches.
    """

    def __init__(self, address: str | None, watchdog: float | None = None) -> None:
        self.watchdog = watchdog
        self._socket: socket.socket | None = None
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str]) -> Notifier:
        """Take NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID out of ``environment``: no child shall answer for us."""
        address = environment.pop("NOTIFY_SOCKET", None)
        microseconds = environment.pop("WATCHDOG_USEC", "")
        meant = environment.pop("WATCHDOG_PID", str(os.getpid()))
        watched = microseconds.isdecimal() and int(microseconds) > 0 and meant == str(os.getpid())
        return cls(address, int(microseconds) / 1e6 if watched else None)

    def ready(self, status: str) -> None:
        """Say that the service answers, for the first time or again after a reload."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def status(self, text: str) -> None:
        """Say how the service is, in one line for the carer."""
        self._send(f"STATUS={_one_line(text)}")

    def reloading(self) -> None:
        """Say that settings are being read again; :meth:`ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the service ends because it was asked to."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def watchdog_fed(self) -> None:
        """Say that everything in the service still answers."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Give back the socket; later messages go nowhere."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            return  # who watches is gone or busy: it decides what our silence means


def _one_line(text: str) -> str:
    return " ".join(text.split())
