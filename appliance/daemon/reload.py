"""A reload that is waited for: both ends, and the program that ``systemctl reload`` runs (``ExecReload=``).

``/usr/bin/python3 -m appliance.daemon.reload PID`` lets the daemon whose first process is PID read its settings again
and ends when they count: exit 0; or with 1, every reason on standard error, when the daemon goes on with former ones.
A signal could not tell that, and systemd 252 does not wait for one. The socket is in the abstract namespace, named by
the process: there is no file to make, to find or to leave behind; the kernel says who is at either end.

May live here: that socket and its one answer, a JSON list of reasons. May not: what a reload is (``crew``).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Final

PATIENCE: Final = 45.0
"""Seconds that the program waits; the daemon itself gives up a little earlier and says why."""

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
        with contextlib.suppress(BlockingIOError):
            while True:
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


def ask(pid: int, timeout: float = PATIENCE) -> list[str]:
    """Let the daemon ``pid`` read its settings again, and wait; return why the new ones do not count: [] if they do.

    Blocks for at most ``timeout`` seconds. Raises :class:`ReloadUnanswered`.
    """
    deadline = time.monotonic() + timeout
    data = b""
    with begin(pid, timeout) as connection:
        try:
            while True:
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = connection.recv(_LONGEST)
                if not piece:
                    return reasons_in(data)
                data += piece
        except TimeoutError:
            raise ReloadUnanswered(f"no answer within {timeout:g} s") from None
        except OSError as error:
            raise ReloadUnanswered(os.strerror(error.errno or 0)) from error


def begin(pid: int, timeout: float) -> socket.socket:
    """Ask the daemon ``pid``; give the connection over which :func:`reasons_in` will come, whole, before its end.

    Its operations take ``timeout`` seconds, 0 for not to wait. Raises :class:`ReloadUnanswered`.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(_address(pid))
        if _peer(connection)[0] != pid:
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


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, print the reasons, and give the exit code."""
    parser = argparse.ArgumentParser(
        prog="schoolserver-reload", description="Lets a daemon read its settings again, and waits until they count."
    )
    parser.add_argument("pid", type=int, help="the daemon's first process ($MAINPID)")
    try:
        reasons = ask(parser.parse_args(argv).pid)
    except ReloadUnanswered as error:
        reasons = [str(error)]
    for reason in reasons:
        print(reason, file=sys.stderr)
    return 1 if reasons else 0


def _address(pid: int) -> str:
    return f"\0schoolserver-reload/{pid}"


def _peer(connection: socket.socket) -> tuple[int, int]:
    pid, uid, _gid = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return pid, uid


if __name__ == "__main__":
    raise SystemExit(main())
