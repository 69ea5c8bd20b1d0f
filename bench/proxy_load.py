"""The load for proxies: requests by wrk, tunnels opened and used by as little as a client can be in Python.

May live here: how a server is used. May not: what comes out of it. Each tunnel begins with a ClientHello, as tunnels of
browsers do, and the origin's answer to it. What comes down a tunnel is thrown away by the kernel, what goes up comes
out of a file in memory.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable

from bench.proxy_internet import NAME
from bench.proxy_origin import ANSWER, file_in_memory, send_from
from bench.proxy_server import PATIENCE, Server

_LUA = """\
wrk.headers["Host"] = "{name}"
{sign_in}
local ready, turn = {{}}, 0
init = function()
  for page = 1, 1000 do ready[page] = wrk.format("GET", "http://{name}/?" .. page) end
end
request = function()
  turn = turn % #ready + 1
  return ready[turn]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("%d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), e.read,
    e.connect + e.write + e.status + e.timeout))
end
"""
_ANY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ANY.check_hostname, _ANY.verify_mode = False, ssl.CERT_NONE
_TIMEOUT = struct.pack("ll", int(PATIENCE), 0)
_BUFFER = bytearray(1 << 20)
_MANY = 256


def _hello() -> bytes:
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        _ANY.wrap_bio(ssl.MemoryBIO(), out, server_hostname=NAME).do_handshake()
    return out.read()


HELLO = _hello()


def requests(server: Server, connections: int, seconds: int, tls: bool = False) -> tuple[float, float, float]:
    """Ask the site for pages of 1 KiB over kept connections, for another one each time, as browsers do.

    Gives how many answers there were, in how many seconds, and p50 in us.
    """
    scheme, port = ("https", server.tls_port) if tls else ("http", server.port)
    name, _, value = server.sign_in.strip().partition(": ")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA.format(name=NAME, sign_in=f'wrk.headers["{name}"] = "{value}"' if name else ""))
        script.flush()
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script.name]
        argv.append(f"{scheme}://127.0.0.1:{port}/")
        said = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=PATIENCE + seconds).stdout
    count, duration, median, cut, wrong = map(int, said.splitlines()[-1].split())
    if wrong or not count or (cut and not server.hangs_up):
        raise RuntimeError(f"{server.name}: of {count} requests {cut} were cut off and {wrong} went wrong")
    return count, duration / 1e6, median


def arrive(server: Server, total: int, at_once: int, done: Callable[[socket.socket], object]) -> float:
    """Open ``total`` tunnels to the site, ``at_once`` of them at any time, until it has answered in each; seconds.

    ``done`` gets each one then, and may close it.
    """
    port, ask = server.way()
    waiting: dict[int, tuple[socket.socket, bool]] = {}
    poll, left, begun = select.epoll(), total, time.perf_counter()
    with contextlib.closing(poll):
        while left or waiting:
            while left and len(waiting) < at_once:
                left -= 1
                one = _connected(port)
                one.send(ask or HELLO)
                waiting[one.fileno()] = (one, not ask)
                poll.register(one, select.EPOLLIN)
            ready = poll.poll(PATIENCE, _MANY)
            if not ready:
                raise RuntimeError(f"{server.name}: {len(waiting)} tunnels wait for an answer")
            for number, _ in ready:
                one, greeted = waiting[number]
                said = one.recv(4096)
                if greeted:
                    _check(server, said == ANSWER, said)
                    del waiting[number]
                    done(one)
                else:
                    _check(server, said[8:13] == b" 200 " and said.endswith(b"\r\n\r\n"), said)
                    one.send(HELLO)
                    waiting[number] = (one, True)
    return time.perf_counter() - begun


def opened(server: Server, total: int, at_once: int = 50) -> list[socket.socket]:
    """Open so many tunnels and keep them."""
    held: list[socket.socket] = []
    arrive(server, total, at_once, held.append)
    for one in held:
        _patient(one)
    return held


def opened_in_tls(server: Server) -> ssl.SSLSocket:
    """Open one through the server's TLS port."""
    plain = _connected(server.tls_port)
    _patient(plain)
    one = _ANY.wrap_socket(plain)
    one.sendall(server.connect())
    said = one.recv(4096)
    _check(server, said[8:13] == b" 200 ", said)
    one.sendall(HELLO)
    _check(server, one.recv(4096) == ANSWER, b"")
    return one


def down(server: Server, tunnels: list[socket.socket], size: int) -> float:
    """Let the origin push ``size`` bytes down each tunnel, through all at once; seconds."""
    left = {one.fileno(): size for one in tunnels}
    with contextlib.closing(select.epoll()) as poll:
        begun = time.perf_counter()
        for one in tunnels:
            poll.register(one, select.EPOLLIN)
            one.send(b"P%d" % size)
        by_number = {one.fileno(): one for one in tunnels}
        while left:
            ready = poll.poll(PATIENCE, _MANY)
            _check(server, bool(ready), b"")
            for number, _ in ready:
                got = by_number[number].recv_into(_BUFFER, len(_BUFFER), socket.MSG_TRUNC | socket.MSG_DONTWAIT)
                _check(server, got > 0, b"")
                left[number] -= got
                if not left[number]:
                    del left[number]
                    poll.unregister(number)
        return time.perf_counter() - begun


def down_in_tls(server: Server, tunnel: ssl.SSLSocket, size: int) -> float:
    """Let it push down one inside TLS; seconds."""
    begun, left = time.perf_counter(), size
    tunnel.sendall(b"P%d" % size)
    while left:
        got = tunnel.recv_into(_BUFFER)
        _check(server, got > 0, b"")
        left -= got
    return time.perf_counter() - begun


def up(server: Server, tunnel: socket.socket, size: int) -> float:
    """Send ``size`` bytes up a tunnel; seconds until the origin has them."""
    file, left = file_in_memory(), size
    try:
        begun = time.perf_counter()
        tunnel.send(b"T%d" % size)
        _check(server, tunnel.recv(4096) == ANSWER, b"")
        while left:
            left = send_from(file, tunnel.fileno(), left)
        _check(server, tunnel.recv(4096) == ANSWER, b"")
        return time.perf_counter() - begun
    finally:
        os.close(file)


def alive(server: Server, tunnels: list[socket.socket]) -> None:
    """Raise ``RuntimeError`` unless each tunnel still carries bytes both ways."""
    for one in tunnels:
        one.send(b"?")
    for one in tunnels:
        said = one.recv(4096)
        _check(server, said == ANSWER, said)


def _connected(port: int) -> socket.socket:
    one = socket.socket()
    one.connect(("127.0.0.1", port))
    return one


def _patient(one: socket.socket) -> None:
    """Let the kernel end what takes too long: Python's own way costs a call more each time."""
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        one.setsockopt(socket.SOL_SOCKET, option, _TIMEOUT)


def _check(server: Server, right: bool, said: bytes) -> None:
    if not right:
        raise RuntimeError(f"{server.name}: a tunnel does not work: {said[:200]!r}")
