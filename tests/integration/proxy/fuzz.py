"""Clients and sites that say anything: one seed, one connection. May live here: what they do. May not: what is checked.

Each round plays both ends: a client that sends a head, a hello or a body with some bytes changed, cut, doubled or held
back, and at times the site, which answers likewise. What they were told is of no interest.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import ssl
import struct

from tests.integration.proxy.outside import NAME, Outside
from tests.integration.proxy.school import OTHERS, sign

_BODIES = (
    b"",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: x\r\n\r\n",
    b"ffffffffffffffff\r\n",
)
_ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nhello",
    b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello",
)
_ODD = (
    b"\r\n",
    b"\n",
    b"\0",
    b":",
    b" ",
    b"\xff",
    b"HTTP/1.1",
    b"Content-Length: 5\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"A" * 9000,
)
_WHO = OTHERS[-1]
"""Nobody else signs in as this one: of a password that was changed too often, auth takes none for a while (K18)."""
_RESET = struct.pack("ii", 1, 0)


def client_hello(name: str) -> bytes:
    """What OpenSSL says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


_HELLO = client_hello(NAME)


def changed(data: bytes, dice: random.Random) -> bytes:
    """Give ``data`` with a few changes, or as it is."""
    found = bytearray(data)
    for _ in range(dice.choice((0, 0, 1, 1, 2, 8))):
        at = dice.randrange(len(found) + 1)
        match dice.randrange(5):
            case 0 if at < len(found):
                found[at] = dice.randrange(256)
            case 1:
                found[at:at] = dice.choice(_ODD)
            case 2:
                del found[at : at + dice.randrange(20)]
            case 3:
                found[at:at] = found[at : at + 100]
            case _:
                del found[at:]
    return bytes(found)


def question(school: Outside, dice: random.Random) -> bytes:
    """Give what a client may send."""
    one = f"127.0.0.1:{school.raw_site}"
    signed = sign(_WHO) if dice.random() < 0.9 else ""
    body = dice.choice(_BODIES)
    heads = (
        f"GET http://{one}/x HTTP/1.1\r\nHost: a\r\n{signed}\r\n".encode(),
        f"POST http://{one}/x HTTP/1.1\r\nHost: a\r\n{signed}Transfer-Encoding: chunked\r\n\r\n".encode() + body,
        f"PUT http://{one}/x HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len(body)}\r\n\r\n".encode() + body,
        f"CONNECT {one} HTTP/1.1\r\nHost: a\r\n{signed}\r\nsomething".encode(),
        f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: a\r\n{signed}\r\n".encode() + changed(_HELLO, dice),
        f"GET http://{NAME}/ HTTP/1.0\r\n{signed}\r\n".encode(),
        _HELLO,
        dice.randbytes(dice.randrange(3000)),
    )
    return b"".join(changed(dice.choice(heads), dice) for _ in range(dice.choice((1, 1, 1, 2, 30))))


def play(school: Outside, seed: int) -> None:
    """One connection and what becomes of it; returns when the client has hung up."""
    dice = random.Random(seed)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(school.connect())
        if dice.random() < 0.25:
            client = school.connect("proxy-tls")
            stack.enter_context(client)
            if dice.random() < 0.8:
                client = stack.enter_context(_shaken(school, client))
        data = question(school, dice)
        with contextlib.suppress(OSError):
            client.settimeout(2.0)
            size = dice.choice((1, 3, 50, 5000, len(data) or 1))
            for at in range(0, min(len(data), 300 * size), size):
                client.sendall(data[at : at + size])
            if dice.random() < 0.2:
                socket.socket.shutdown(client, socket.SHUT_WR)
            if select.select([school.raw], [], [], dice.choice((0, 0.005, 0.02)))[0]:
                _be_the_site(school, stack, dice)
            if dice.random() < 0.7:
                client.settimeout(0.02)
                client.recv(65536)
        if dice.random() < 0.3:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _shaken(school: Outside, client: socket.socket) -> ssl.SSLSocket:
    return school.context.wrap_socket(client, server_hostname="127.0.0.1")


def _be_the_site(school: Outside, stack: contextlib.ExitStack, dice: random.Random) -> None:
    with contextlib.suppress(TimeoutError):
        connection, _ = school.raw.accept()
        stack.enter_context(connection)
        connection.settimeout(0.02)
        with contextlib.suppress(TimeoutError):
            connection.recv(65536)
        connection.sendall(changed(dice.choice(_ANSWERS), dice))
        if dice.random() < 0.2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif dice.random() < 0.3:
            connection.shutdown(socket.SHUT_WR)
