"""Both ends of what goes through the proxy, byte by byte: a client that asks, and the site that is asked."""

import contextlib
import json
import socket
from datetime import UTC, datetime
from typing import Any

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.school import FRED, MARIA, School, answer, sign


def ask(school: School, data: str | bytes, port: str = "proxy"):
    with school.connect(port) as client:
        client.sendall(data if isinstance(data, bytes) else data.encode())
        return answer(client)


def raw(school: School, *fields: str, method: str = "GET", minor: int = 1, body: str = "", path: str = "x") -> str:
    lines = [
        f"{method} http://127.0.0.1:{school.raw_site}/{path} HTTP/1.{minor}",
        "Host: a",
        sign().strip(),
        *fields,
        "",
        body,
    ]
    return "\r\n".join(lines)


@contextlib.contextmanager
def asked(school: School):
    """The connection that the proxy opens to the raw site, and the head it sent."""
    connection, _ = school.raw.accept()
    with connection:
        connection.settimeout(15)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            assert piece
            head += piece
        yield connection, head


@contextlib.contextmanager
def answering(school: School, length: int):
    """Both ends of an exchange: a client, and the raw site, of whose ``length`` bytes it has got ``abc``."""
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head):
            origin.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nabc".encode())
            until(client, b"abc")
            yield client, origin


def until(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return data


def connect(school: School, login: str = FRED) -> bytes:
    """The head that asks for a tunnel to the raw site."""
    return f"CONNECT 127.0.0.1:{school.raw_site} HTTP/1.1\r\nHost: a\r\n{sign(login)}\r\n".encode()


def tunnel(school: School, client: socket.socket, login: str = FRED) -> None:
    client.sendall(connect(school, login))
    assert b" 200 " in until(client, b"\r\n\r\n")


@contextlib.contextmanager
def open_tunnel(school: School, port: str = "proxy", login: str = FRED):
    with school.connect(port) as client:
        if port == "proxy-tls":
            client = school.context.wrap_socket(client, server_hostname="127.0.0.1")
        tunnel(school, client, login)
        connection, _ = school.raw.accept()
        with connection, client:
            connection.settimeout(15)
            yield client, connection


def uses(school: School, begin: datetime | None = None) -> list[dict[str, Any]]:
    """What was recorded of the use of the web; of that which began at ``begin`` or later."""
    events = [json.loads(line) for line in school.used.splitlines()]
    used = [event for event in events if event["kind"] == "web-used"]
    return [event for event in used if begin is None or datetime.fromisoformat(event["since"]) >= begin]


def all_recorded(school: School) -> datetime:
    """Wait until what is over is recorded, so that nothing later is counted with it; gives the instant after that.

    Each worker records once in a moment: who has done so twice has seen the others do it.
    """
    begin, enough = datetime.now(UTC), 2 * len(school.proxy.children()) - 1

    def told() -> bool:
        ask(school, f"GET http://127.0.0.1:9/ HTTP/1.0\r\n{sign(MARIA)}\r\n")
        return sum(use["login"] == MARIA for use in uses(school, begin)) >= enough

    eventually(told)
    return datetime.now(UTC)


def ends_within(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
