"""The line over which a daemon is asked to read its settings again, and over which it tells when they count: both ends.

A signal could not tell that, and systemd 252 does not wait for one. The socket is in the abstract namespace, named by
the daemon's first process: there is no file to make, to find or to leave behind; the kernel says who is at either end.
The instant at which that process began is part of the name, so that nobody can take the name before it.

May live here: that socket and its one answer, a JSON list of reasons. May not: what a reload is (``crew``).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_MOST: Final = 16
_LONGEST: Final = 64 * 1024
_CREDENTIALS: Final = struct.Struct("3i")


class ReloadUnanswered(Exception):
    """The daemon is not there, is not ours to ask, or gave no answer in time."""


class Askers:
    """The daemon's end: who asked for a reload and waits for what comes of it. Root and our own user may.

    ``open`` is false when somebody else has taken the name; then only SIGHUP is left.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._waiting: list[socket.socket] = []
        self.open = True
        try:
            self._socket.bind(_address(os.getpid()))
            self._socket.listen(_MOST)
        except OSError:
            self.close()

    def fileno(self) -> int:
        """The descriptor that becomes readable when somebody asks."""
        return self._socket.fileno()

    def come(self) -> bool:
        """Take in who asks now; whether there is anybody."""
        anybody = False
        with contextlib.suppress(OSError):  # nobody is left, or who came has gone
            for _ in range(_MOST):  # strangers who come all the time must not hold up the daemon
                connection, _ = self._socket.accept()
                if _peer(connection)[1] in (0, os.geteuid()) and len(self._waiting) < _MOST:
                    self._waiting.append(connection)
                    anybody = True
                else:
                    connection.close()
        return anybody

    def leave(self) -> list[socket.socket]:
        """Hand out those that have come so far: the reload that begins now is theirs."""
        going, self._waiting = self._waiting, []
        return going

    def close(self) -> None:
        """Forget everybody, as a forked worker must, and listen no more."""
        self.open = False
        for connection in (self._socket, *self.leave()):
            connection.close()


def answer(askers: Sequence[socket.socket], reasons: Sequence[str]) -> None:
    """Tell them ``reasons`` why the new settings do not count (none: they do) and let them go."""
    text = json.dumps(list(reasons)).encode()
    if len(text) > _LONGEST:
        text = json.dumps([*reasons[:20], f"and {len(reasons) - 20} more, see the journal"]).encode()
    for connection in askers:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(0.0)
            connection.sendall(text)


def begin(pid: int, timeout: float) -> socket.socket:
    """Ask the daemon ``pid``; give the connection over which :func:`reasons_in` will come, whole, before its end.

    Its operations take ``timeout`` seconds, 0 for not to wait. Raises :class:`ReloadUnanswered`.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(_address(pid))
        found, uid = _peer(connection)
        if found != pid or uid not in _users(pid):
            raise ConnectionRefusedError
    except OSError as error:
        connection.close()
        raise ReloadUnanswered(f"process {pid} takes no reload") from error
    return connection


def reasons_in(data: bytes) -> list[str]:
    """Read the daemon's whole answer: why the new settings do not count, [] if they do. Raises ReloadUnanswered."""
    try:
        return [str(reason) for reason in json.loads(data)]
    except (ValueError, TypeError):
        raise ReloadUnanswered("it ended, or refused, instead of an answer") from None


def _address(pid: int) -> str:
    """Give the name; raises ``OSError`` when there is no such process."""
    began = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    return f"\0schoolserver-reload/{pid}/{began}"


def _users(pid: int) -> set[int]:
    """Give as whom it runs, and root: the kernel remembers who a process was when it began to listen."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return {0, *(int(uid) for line in lines if line.startswith("Uid:") for uid in line.split()[1:])}


def _peer(connection: socket.socket) -> tuple[int, int]:
    pid, uid, _gid = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return pid, uid
