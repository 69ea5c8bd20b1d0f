"""What lies beyond the proxies: a site of 1 KiB by haproxy, for it costs least, and the far end of tunnels.

May live here: the origin's processes and what they answer. May not: proxies, clients. The far end of a tunnel answers
the first piece that comes, a ClientHello, and then does as it is told: ``P<n>`` pushes n bytes, ``T<n>`` takes n and
answers when it begins and when it has all, anything else is answered. The bytes are never copied: they come out of one
file in memory, and are thrown away by the kernel.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.proxy_internet import HTTP, HTTPS
from tests.integration.demo.waiting import eventually

ANSWER = bytes(64)
_BACKLOG, _MANY = 4096, 256
_FILE = 8 * 1024 * 1024
_HAPROXY = """\
global
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 1h
  timeout server 1h
frontend site
  no option tcp-smart-accept
  bind *:{port}
  http-request return status 200 content-type application/octet-stream file {folder}/1k
"""


@contextlib.contextmanager
def origin(folder: Path) -> Iterator[tuple[int, int]]:
    """Run both on the core of the load, with their files in ``folder``; gives their processes. Needs haproxy."""
    (folder / "1k").write_bytes(bytes(1024))
    (folder / "site.cfg").write_text(_HAPROXY.format(port=HTTP, folder=folder))
    with socket.create_server(("", HTTPS), backlog=_BACKLOG) as listener:
        far_end = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,), daemon=True)
        far_end.start()
        haproxy = subprocess.Popen(["haproxy", "-q", "-db", "-f", folder / "site.cfg"], stdin=subprocess.DEVNULL)
        try:
            eventually(lambda: answers(HTTP), 10, "haproxy answers")
            assert far_end.pid is not None
            yield haproxy.pid, far_end.pid
        finally:
            for process in (haproxy, far_end):
                process.terminate()
            haproxy.wait()
            far_end.join()


def answers(port: int) -> bool:
    """Whether somebody listens on ``port``."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def file_in_memory() -> int:
    """Give a descriptor of what is sent over and over."""
    descriptor = os.memfd_create("bench")
    os.ftruncate(descriptor, _FILE)
    os.posix_fallocate(descriptor, 0, _FILE)
    return descriptor


def send_from(file: int, to: int, left: int) -> int:
    """Send of ``left`` bytes what goes at once, from ``file``; how many are left."""
    return left - os.sendfile(to, file, 0, min(left, _FILE))


def _serve(listener: socket.socket) -> None:
    """Serve until killed."""
    poll, file, trash = select.epoll(), file_in_memory(), bytearray(1 << 20)
    listener.setblocking(False)
    poll.register(listener, select.EPOLLIN)
    tunnels: dict[int, _Tunnel] = {}
    while True:
        for number, _ in poll.poll(maxevents=_MANY):
            if number == listener.fileno():
                _accept(listener, poll, tunnels)
                continue
            try:
                open_still = tunnels[number].turn(poll, file, trash)
            except BlockingIOError:
                continue
            except OSError:
                open_still = False
            if not open_still:
                tunnels.pop(number).connection.close()


def _accept(listener: socket.socket, poll: select.epoll, tunnels: dict[int, _Tunnel]) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            tunnels[connection.fileno()] = _Tunnel(connection)
            poll.register(connection, select.EPOLLIN)


class _Tunnel:
    """What is still to be pushed or taken in one of them."""

    __slots__ = ("connection", "push", "take")

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.push = self.take = 0

    def turn(self, poll: select.epoll, file: int, trash: bytearray) -> bool:
        """Do what can be done; whether it goes on."""
        number = self.connection.fileno()
        if self.push:
            self.push = send_from(file, number, self.push)
            if not self.push:
                poll.modify(number, select.EPOLLIN)
            return True
        if self.take:
            got = self.connection.recv_into(trash, min(self.take, len(trash)), socket.MSG_TRUNC)
            self.take -= got
            if got and not self.take:
                self.connection.send(ANSWER)
            return got > 0
        said = self.connection.recv(4096, socket.MSG_DONTWAIT)
        if said.startswith(b"P"):
            self.push = int(said[1:])
            poll.modify(number, select.EPOLLOUT)
        elif said:
            self.take = int(said[1:]) if said.startswith(b"T") else 0
            self.connection.send(ANSWER)
        return bool(said)
