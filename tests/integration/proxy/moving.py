"""Clients that move bytes through the proxy and count what arrived, each connection with a thread of its own.

May live here: ways to ask, counting. May not: the site (``moving_site``), what a test expects.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator

from appliance.daemon.request_client import BlockingClient
from tests.integration.proxy.moving_site import PATIENCE, PIECE, Site, head_of
from tests.integration.proxy.school import School, sign

ENDLESS = "GET /endless HTTP/1.1\r\n\r\n"


class Refusal(Exception):
    """The page that came instead of a tunnel: ``status``, ``code``, ``retry_after`` (s), ``text``."""

    def __init__(self, head: str, text: str) -> None:
        super().__init__(head)
        self.status = int(head[9:12])
        self.text = text
        self.code = self.text.partition("<code>")[2].partition("</code>")[0]
        self.retry_after = int(head.partition("Retry-After: ")[2].partition("\r\n")[0] or "0")


class Moving(threading.Thread):
    """Sends ``first`` over ``connection``, then reads until its end, or sends on if ``up``.

    ``moved`` grows; ``cut``: it was ended by a reset.
    """

    def __init__(self, connection: socket.socket, first: str = "", up: bool = False) -> None:
        super().__init__(daemon=True)
        self.moved = 0
        self.cut = False
        self._connection = connection
        self._up = up
        self._first = first.encode()
        connection.settimeout(PATIENCE)
        self.start()

    def run(self) -> None:
        try:
            self._connection.sendall(self._first)
            while n := self._connection.send(PIECE) if self._up else len(self._connection.recv(65536)):
                self.moved += n
        except (ConnectionError, ssl.SSLError):
            self.cut = True
        except OSError:
            return

    def until_cut(self) -> int:
        """Wait until it was ended by a reset; gives the bytes."""
        self.join(PATIENCE)
        assert self.cut, f"moved {self.moved} bytes"
        self._connection.close()
        return self.moved

    def end(self) -> None:
        """End it, and wait until it is over."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self.join(PATIENCE)
        self._connection.close()


@contextlib.contextmanager
def going_on(flows: Iterable[Moving]) -> Iterator[list[Moving]]:
    """Have ``flows`` go on while inside."""
    with contextlib.ExitStack() as stack:
        begun = []
        for flow in flows:
            stack.callback(flow.end)
            begun.append(flow)
        yield begun


def tunnel(school: School, site: Site, login: str, port: str = "proxy") -> socket.socket:
    """Open a tunnel; raises :class:`Refusal`."""
    client = _connect(school, port)
    client.sendall(f"CONNECT {site.where} HTTP/1.1\r\nHost: a\r\n{sign(login)}\r\n".encode())
    head = head_of(client)
    if " 200 " not in head.partition("\r\n")[0]:
        with client:
            raise Refusal(head, text_of(client, head))
    return client


def plain(
    school: School,
    site: Site,
    login: str,
    what: str,
    *fields: str,
    port: str = "proxy",
    client: socket.socket | None = None,
) -> socket.socket:
    """Ask in clear for ``what``, such as ``GET /bytes/1``, over a new connection or ``client``."""
    client = client or _connect(school, port)
    method, _, path = what.partition(" ")
    lines = [f"{method} http://{site.where}{path} HTTP/1.1", "Host: a", sign(login).strip(), *fields]
    client.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    return client


def download(school: School, site: Site, login: str, port: str = "proxy") -> Moving:
    """Begin to load what does not end, in a tunnel."""
    return Moving(tunnel(school, site, login, port), ENDLESS)


def upload(school: School, site: Site, login: str, path: str, port: str = "proxy") -> Moving:
    """Begin to send what does not end, in a tunnel."""
    return Moving(tunnel(school, site, login, port), f"POST {path} HTTP/1.1\r\n\r\n", up=True)


def load(school: School, site: Site, login: str, size: int, up: bool = False) -> bool:
    """Move ``size`` bytes in a tunnel of their own; whether all of them passed, and were not cut off."""
    with tunnel(school, site, login) as client, contextlib.suppress(ConnectionError):
        if up:
            client.sendall(f"POST /store HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size))
            return " 200 " in head_of(client)
        client.sendall(f"GET /bytes/{size} HTTP/1.1\r\n\r\n".encode())
        return bool(head_of(client)) and body_of(client, size) == size
    return False


def passes(school: School, site: Site, login: str, size: int) -> bool:
    """Whether a tunnel for ``size`` bytes is opened and carries them."""
    try:
        return load(school, site, login, size)
    except Refusal:
        return False


def body_of(client: socket.socket, size: int) -> int:
    """Read up to ``size`` bytes; gives how many came before the end, or before it was cut."""
    left = size
    with contextlib.suppress(ConnectionError):
        while left and (piece := client.recv(min(left, 65536))):
            left -= len(piece)
    return size - left


def text_of(client: socket.socket, head: str) -> str:
    """Read the page after ``head``; the proxy may keep the connection for another question."""
    left = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
    data = b""
    while left > len(data) and (piece := client.recv(left - len(data))):
        data += piece
    return data.decode()


def why(school: School, code: str) -> dict[str, object]:
    """What the carer is told of a refusal."""
    with contextlib.closing(BlockingClient(school.settings.server.runtime / "audit" / "query.sock", 10)) as query:
        return dict(query.call("why", code=code))


def _connect(school: School, port: str) -> socket.socket:
    client = school.connect(port, PATIENCE)
    if port == "proxy":
        return client
    return school.context.wrap_socket(client, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
