"""A connection that is cut, at whatever byte, is never taken for the end of a file: 426, and what was there stays.

TLS itself says where a connection ends (RFC 8446, 6.1). The test encrypts a whole upload with its end, and lets only
the first bytes of it through: up to the middle of a record, between two, into the last one, which says the end.
"""

from __future__ import annotations

import contextlib
import ftplib
import random
import socket
import ssl

import pytest

from tests.integration.fileshare.school import FRED, School, said
from tests.integration.support_crash import SEED

BEFORE = b"what was there before\n"
WHOLE = random.Random("file").randbytes(40_000)
_CUTS = 5


class Encrypted:
    """A TLS connection over ``raw`` of which somebody else decides what goes through."""

    def __init__(self, context: ssl.SSLContext, raw: socket.socket) -> None:
        incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(incoming, self._outgoing, server_hostname="127.0.0.1")
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
                break
            raw.sendall(self._outgoing.read())
            incoming.write(raw.recv(65_536))
        raw.sendall(self._outgoing.read())

    def upload(self, data: bytes) -> tuple[bytes, bytes]:
        """Give what is sent for ``data``, and for the end after it."""
        self._tls.write(data)
        sent = self._outgoing.read()
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return sent, self._outgoing.read()


def cuts(seed: str) -> list[int | None]:
    """After how many bytes; negative ones count from the end, ``None`` is no cut."""
    chance = random.Random(f"{seed} {SEED}")
    return [0, 1, *(chance.randrange(len(WHOLE)) for _ in range(_CUTS)), -1, -10, None]


def upload(client: ftplib.FTP_TLS, command: str, cut: int | None) -> str:
    host, port = client.makepasv()
    with socket.create_connection((host, port), 20) as raw:
        client.putcmd(command)
        assert said(client).startswith("150")
        data, end = Encrypted(client.context, raw).upload(WHOLE)
        raw.sendall((data + end)[:cut])
        raw.shutdown(socket.SHUT_WR)
        return said(client)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("STOR /Home/new", WHOLE),
        ("STOR /Home/old", WHOLE),
        ("APPE /Home/old", BEFORE + WHOLE),
        ("REST 4", BEFORE[:4] + WHOLE),
    ],
    ids=["new", "instead", "behind", "from-within"],
)
def test_wherever_it_is_cut(school: School, version: ssl.TLSVersion, command: str, expected: bytes) -> None:
    home = school.home(FRED)
    name = "new" if command.endswith("new") else "old"
    with school.ftp() as client:
        client.context.maximum_version = version
        for cut in cuts(f"{command} {version}"):
            _put_back(client)
            if command.startswith("REST"):
                client.sendcmd(command)
            reply = upload(client, "STOR /Home/old" if command.startswith("REST") else command, cut)
            assert reply.startswith("226" if cut is None else "426"), f"seed {SEED}, {cut} bytes: {reply}"
            whole = {"old": BEFORE} | ({name: expected} if cut is None else {})
            assert {one: (home / one).read_bytes() for one in client.nlst("/Home")} == whole, (
                f"seed {SEED}, {cut} bytes"
            )


def _put_back(client: ftplib.FTP_TLS) -> None:
    with contextlib.suppress(ftplib.error_perm):
        client.delete("/Home/new")
    data = client.transfercmd("STOR /Home/old")
    data.sendall(BEFORE)
    data.unwrap()
    data.close()
    client.voidresp()


def test_a_cut_between_the_last_byte_and_the_end(school: School) -> None:
    """All bytes are there, and the server cannot know: somebody else may have cut, to shorten the file."""
    with school.ftp() as client:
        host, port = client.makepasv()
        with socket.create_connection((host, port), 20) as raw:
            client.putcmd("STOR /Home/new")
            assert said(client).startswith("150")
            raw.sendall(Encrypted(client.context, raw).upload(WHOLE)[0])
            raw.shutdown(socket.SHUT_WR)
            assert said(client).startswith("426")
        assert client.nlst("/Home") == []
        assert client.size("/Home/new") == len(WHOLE)  # its owner goes on from there
