"""A site that sends and takes whatever is wanted, each connection with a thread of its own.

May live here: the site. May not: how its bytes get through the proxy (``moving``), what a test expects of them.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import Counter

PIECE = bytes(65536)
PATIENCE = 20.0
_RANGE = re.compile(r"\r\nRange: bytes=([0-9]+)-([0-9]+)\r\n")
_LENGTH = re.compile(r"\r\nContent-Length: ([0-9]+)\r\n")
_ENDLESS = 1 << 60


class Site:
    """A site at the IP ``address``. It speaks HTTP, in clear within a tunnel as well.

    ``/bytes/N`` has N bytes, ``/short/bytes/N`` one less than it says, ``/chunked`` and ``/endless`` do not end. To a
    range it answers with that of something endless, which is said to have the size ``?of=N`` or none. ``taken`` has the
    bytes that POST brought to each path, ``given`` is how many the site sent itself.
    """

    def __init__(self, address: str, stack: contextlib.ExitStack) -> None:
        self.taken: Counter[str] = Counter()
        self.given = 0
        self._listening = stack.enter_context(socket.create_server((address, 0), backlog=256))
        stack.callback(self._listening.shutdown, socket.SHUT_RDWR)
        self.where = f"{address}:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            while head := head_of(connection):
                method, path, _ = head.split(" ", 2)
                if method == "POST":
                    self._take(connection, path, head)
                else:
                    self._give(connection, path, head, method == "GET")

    def _take(self, connection: socket.socket, path: str, head: str) -> None:
        found = _LENGTH.search(head)
        left = int(found[1]) if found else _ENDLESS
        while left and (piece := connection.recv(min(left, 65536))):
            self.taken[path] += len(piece)
            left -= len(piece)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def _give(self, connection: socket.socket, path: str, head: str, body: bool) -> None:
        asked = _RANGE.search(head)
        size = int(path.rpartition("/bytes/")[2]) if "/bytes/" in path else _ENDLESS
        told = "Connection: close" if size == _ENDLESS else f"Content-Length: {size + path.startswith('/short')}"
        if asked:
            first, last = int(asked[1]), int(asked[2])
            size = last - first + 1
            whole = path.partition("?of=")[2] or "*"
            told = f"Content-Length: {size}\r\nContent-Range: bytes {first}-{last}/{whole}"
        elif path == "/chunked":
            told = "Transfer-Encoding: chunked"
        connection.sendall(f"HTTP/1.1 {206 if asked else 200} OK\r\n{told}\r\n\r\n".encode())
        piece = b"10000\r\n" + PIECE + b"\r\n" if path == "/chunked" and not asked else PIECE
        while body and size:
            sent = connection.send(piece[:size])
            size -= sent
            self.given += sent


def head_of(connection: socket.socket) -> str:
    """Read a head and nothing more; empty at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            return ""
        head += piece
    return head.decode("latin-1")
