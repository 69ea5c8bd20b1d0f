"""Something else answers where a directory should be: that is temporary, and never an answer about a password."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.directory.errors import DirectoryUnavailable
from appliance.directory.link import Link

_FRED = "uid=fred,ou=people,dc=schule,dc=example"


@contextmanager
def answering(said: bytes) -> Iterator[Link]:
    """Give a link to a server that greets whoever comes with ``said``, and hangs up once he has said something."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(said)
                connection.recv(4096)

        server = threading.Thread(target=serve)
        server.start()
        link = Link(f"ldap://127.0.0.1:{listener.getsockname()[1]}", 5)
        try:
            yield link
        finally:
            link.close()
            server.join()


@pytest.mark.parametrize(
    "said",
    [
        b"220 mail.schule.example ESMTP\r\n",
        bytes.fromhex("300c 020163 6107 0a0100 0400 0400"),  # yes, to another's question
        bytes.fromhex("300c 020100 7807 0a0134 0400 0400"),  # RFC 4511, 4.4.1: it ends
        bytes.fromhex("300c 0201"),
        b"",
    ],
)
def test_what_is_no_answer_says_nothing_about_a_password(said: bytes) -> None:
    with answering(said) as link, pytest.raises(DirectoryUnavailable):
        link.bind(_FRED, "Kamel-Zaun-7")
    with answering(said) as link, pytest.raises(DirectoryUnavailable):
        list(link.search(_FRED, "(objectClass=*)", ["entryCSN"], below=False))
