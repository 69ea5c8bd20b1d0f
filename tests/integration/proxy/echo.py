"""A site that says what it hears, on any number of connections: ``echo.py DESCRIPTOR``, until standard input ends.

Whoever asks by HTTP gets as many bytes as the path says: ``GET /5000``.
"""

from __future__ import annotations

import contextlib
import resource
import select
import socket
import sys


def answer(request: bytes) -> bytes:
    """Give the answer to ``request``."""
    size = int(request[5:].partition(b" ")[0])
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)


def serve(listener: socket.socket) -> None:
    """Serve until standard input ends."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener.setblocking(False)
    poll, open_ = select.epoll(), {}
    poll.register(listener, select.EPOLLIN)
    poll.register(sys.stdin, select.EPOLLIN)
    while True:
        for number, _event in poll.poll():
            if number == sys.stdin.fileno():
                return
            if number == listener.fileno():
                with contextlib.suppress(BlockingIOError):
                    while True:
                        one, _ = listener.accept()
                        open_[one.fileno()] = one
                        poll.register(one, select.EPOLLIN)
            else:
                one = open_[number]
                data = b""
                with contextlib.suppress(OSError):
                    data = one.recv(65536)
                    one.sendall(answer(data) if data.startswith(b"GET /") else data)
                if not data:
                    del open_[number]
                    one.close()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
