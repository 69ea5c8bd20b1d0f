"""The socket a unit tells its readiness and signs of life to, as systemd would offer it (sd_notify(3)).

May live here: one datagram socket per unit, and whom it believes. May not: what a message leads to.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.supervisor.launcher.sockets import check_length, open_socket_file, remove

_SIZE = 4096
_CREDENTIALS = struct.Struct("3i")
_AT_ONCE = 64
_STATUS_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Message:
    """What a unit said: ``ready``, a sign of life (``alive``), its ``status`` in words (``None``: not said)."""

    ready: bool
    alive: bool
    status: str | None


class NotifySocket:
    """NOTIFY_SOCKET of the unit ``unit`` at ``path``, writable for ``owner`` (uid, gid) alone. Raises ``OSError``."""

    def __init__(self, unit: str, path: Path, owner: tuple[int, int]) -> None:
        check_length(unit, path)
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            remove(path)
            open_socket_file(self._socket, path, owner, 0o600)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def messages(self, pid: int | None) -> Iterator[Message]:
        """Yield what process ``pid`` has sent; what anybody else sent is dropped (the kernel says who it was)."""
        for _ in range(_AT_ONCE):
            try:
                data, ancillary, flags, _address = self._socket.recvmsg(
                    _SIZE, socket.CMSG_SPACE(_CREDENTIALS.size) + 256
                )
            except (BlockingIOError, InterruptedError):
                return
            sender = _sender(ancillary)
            if sender is not None and sender == pid and not flags & socket.MSG_TRUNC:
                yield parse(data)

    def close(self) -> None:
        """Close the socket and remove its file."""
        self._socket.close()
        remove(self.path)


def parse(data: bytes) -> Message:
    """Read one sd_notify message: lines ``NAME=value``; others are left out, a status is cut to 200 characters."""
    fields = dict(line.partition("=")[::2] for line in data.decode("utf-8", "replace").split("\n"))
    status = fields.get("STATUS")
    if status is not None:
        status = "".join(letter if letter.isprintable() else " " for letter in status)[:_STATUS_LENGTH]
    return Message(fields.get("READY") == "1", fields.get("WATCHDOG") == "1", status)


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """Return the sender's pid; descriptors sent along are closed."""
    sender = None
    for level, kind, data in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_CREDENTIALS and len(data) >= _CREDENTIALS.size:
            sender = _CREDENTIALS.unpack_from(data)[0]
        elif kind == socket.SCM_RIGHTS:
            for (descriptor,) in struct.iter_unpack("i", data[: len(data) - len(data) % 4]):
                os.close(descriptor)
    return sender
