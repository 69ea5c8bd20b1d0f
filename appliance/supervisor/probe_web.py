"""The probe of the web: moves a few KiB over HTTP and through a tunnel, from an origin of its own.

The origin is a socket on loopback, opened for one exchange; only the hidden account may reach it through the proxy, so
that the probe needs no internet. Client, origin and comparison are one thread: each step waits for the one before.
Blocking. Never logs or raises an address.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
from collections.abc import Iterator

from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.reach import reach, trusting

_SIZE = 4 * 1024
_HEAD_MAX = 16 * 1024


def probe_web(visitor: Visitor) -> None:
    """Move bytes through both ports of the proxy; raises :class:`ProbeFailed`."""
    plain, encrypted = reach(visitor.settings, "proxy"), reach(visitor.settings, "proxy-tls")
    with (
        _blaming("HTTP"),
        _origin(visitor.timeout) as origin,
        socket.create_connection(plain, visitor.timeout) as client,
    ):
        _fetch(visitor, client, origin)
    with (
        _blaming("CONNECT"),
        _origin(visitor.timeout) as origin,
        socket.create_connection(encrypted, visitor.timeout) as bare,
        trusting(visitor.ca).wrap_socket(bare) as client,
    ):
        _tunnel(visitor, client, origin)


def _fetch(visitor: Visitor, client: socket.socket, origin: socket.socket) -> None:
    where = f"127.0.0.1:{origin.getsockname()[1]}"
    body = os.urandom(_SIZE)
    client.sendall(
        f"GET http://{where}/probe HTTP/1.1\r\nHost: {where}\r\n{_signed(visitor)}Connection: close\r\n\r\n".encode()
    )
    with _accepted(origin, client, "HTTP", visitor.timeout) as asked:
        head, _ = _head(asked)
        if not head.startswith(b"GET /probe HTTP/1.1\r\n"):
            raise ProbeFailed("proxy", "HTTP: the origin was asked for something else")
        asked.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {_SIZE}\r\n\r\n".encode() + body)
        head, begun = _head(client)
        _status(head, "HTTP")
        if begun + _exactly(client, _SIZE - len(begun)) != body:
            raise ProbeFailed("proxy", "HTTP: what came is not what the origin sent")


def _tunnel(visitor: Visitor, client: socket.socket, origin: socket.socket) -> None:
    where = f"127.0.0.1:{origin.getsockname()[1]}"
    client.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{_signed(visitor)}\r\n".encode())
    with _accepted(origin, client, "CONNECT", visitor.timeout) as asked:
        head, begun = _head(client)
        _status(head, "CONNECT")
        up, down = os.urandom(_SIZE), os.urandom(_SIZE)
        client.sendall(up)
        asked.sendall(down)
        if _exactly(asked, _SIZE) != up or begun + _exactly(client, _SIZE - len(begun)) != down:
            raise ProbeFailed("proxy", "CONNECT: what came is not what was sent")


def _signed(visitor: Visitor) -> str:
    token = base64.b64encode(f"{visitor.login}:{visitor.password.reveal()}".encode()).decode()
    return f"Proxy-Authorization: Basic {token}\r\n"


def _status(head: bytes, protocol: str) -> None:
    status = head[9:12].decode(errors="replace")
    if status == "407":
        raise WrongPassword(None, f"{protocol}: the sign-in was refused")
    if status == "503":
        raise ProbeFailed(None, f"{protocol}: the sign-in cannot be checked now")
    if status != "200":
        alive = status.isdecimal()  # who refuses is alive
        raise ProbeFailed(None if alive else "proxy", f"{protocol}: answered {status if alive else 'something else'}")


@contextlib.contextmanager
def _origin(timeout: float) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(timeout)
        yield listener


@contextlib.contextmanager
def _accepted(origin: socket.socket, client: socket.socket, protocol: str, timeout: float) -> Iterator[socket.socket]:
    """The proxy's connection to the origin; when none comes, what the proxy answered instead says why."""
    try:
        connection, _ = origin.accept()
    except TimeoutError:
        _status(_head(client)[0], protocol)
        raise
    with connection:
        connection.settimeout(timeout)
        yield connection


def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read a head; gives it, and what came beyond it."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _HEAD_MAX:
        piece = connection.recv(_HEAD_MAX)
        if not piece:
            raise ConnectionResetError
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n", rest


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


@contextlib.contextmanager
def _blaming(protocol: str) -> Iterator[None]:
    """Any failure inside is the proxy's, told without addresses."""
    try:
        yield
    except TimeoutError as problem:
        raise ProbeFailed("proxy", f"{protocol}: no answer in time") from problem
    except OSError as problem:
        cause = os.strerror(problem.errno) if problem.errno else type(problem).__name__
        raise ProbeFailed("proxy", f"{protocol}: {cause}") from problem
