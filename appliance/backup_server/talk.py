"""Lines over a socket to somebody unknown: bounded in length and in time.

May live here: reading and writing them. May not: what they say.
"""

from __future__ import annotations

import select
import socket
import time


class LineBroken(Exception):
    """The other side is gone, too slow, or says more than a line may hold; the text says which."""


class Lines:
    """Lines of at most ``longest`` bytes over ``connection``; use as ``with``, which closes it."""

    def __init__(self, connection: socket.socket, longest: int) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._longest = longest
        self._rest = b""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def fileno(self) -> int:
        """Let it be waited for."""
        return self._connection.fileno()

    def send(self, line: bytes, seconds: float) -> None:
        """Say ``line``; raises :class:`LineBroken` when it is not taken within ``seconds``."""
        self._connection.settimeout(max(0.001, seconds))
        try:
            self._connection.sendall(line + b"\n")
        except OSError as error:
            raise LineBroken("the other side is gone") from error
        finally:
            self._connection.setblocking(False)

    def receive(self, seconds: float) -> bytes:
        """Give the next line without its end; raises :class:`LineBroken` when it is not whole within ``seconds``."""
        end = time.monotonic() + seconds
        while (line := self.arrived()) is None:
            if not select.select([self._connection], [], [], max(0.0, end - time.monotonic()))[0]:
                raise LineBroken("the other side says nothing")
        return line

    def arrived(self) -> bytes | None:
        """Give the next line, if it is here already, without waiting; raises :class:`LineBroken`."""
        while b"\n" not in self._rest:
            if len(self._rest) > self._longest:
                raise LineBroken("the other side talks too much")
            try:
                more = self._connection.recv(self._longest + 2 - len(self._rest))
            except BlockingIOError:
                return None
            except OSError as error:
                raise LineBroken("the other side is gone") from error
            if not more:
                raise LineBroken("the other side has hung up")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line
