"""Taking in connections: the listening sockets that were handed in, how many connections there may be, who is idle.

May live here: listening, counting, the sweep that ends what takes too long. May not: HTTP.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from OpenSSL import SSL
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory

from appliance.daemon.tls import TlsError, server_context

_BACKLOG = 4096
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"  # as in daemon.tls, of TLS 1.2; those of 1.3 are all good


class Held(Protocol):
    """A connection as the sweep sees it."""

    def tick(self, now: float) -> None:
        """End what takes too long at ``now`` (monotonic)."""
        ...

    def leave(self) -> None:
        """End if nothing is under way: the service stops, and asks again and again."""
        ...

    def drop(self) -> None:
        """End at once."""
        ...


class Connections:
    """The open connections of one worker, ``most`` altogether and ``most_each`` from one address."""

    def __init__(self, most: int, most_each: int) -> None:
        self.most = most
        self.most_each = most_each
        self._held: set[Held] = set()
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held))

    def enter(self, one: Held, address: str) -> bool:
        """Count ``one`` from ``address``; whether there is room for it."""
        self._held.add(one)
        self._by_address[address] += 1
        return len(self._held) <= self.most and self._by_address[address] <= self.most_each

    def exit(self, one: Held, address: str) -> None:
        """Forget ``one``."""
        self._held.discard(one)
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]


class Certificate:
    """The TLS side of the encrypted port, for Twisted: certificate and key of ``folder`` (K06)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = _context(folder)

    def getContext(self) -> Any:
        """Give the context for a new connection."""
        return self._context

    def reload(self) -> None:
        """Use what lies in the folder now; raises ``TlsError`` and changes nothing."""
        self._context = _context(self._folder)


def listen(reactor: Any, handed: socket.socket, make: Callable[[], Any], certificate: Certificate | None) -> Any:
    """Begin to accept on the socket ``handed`` in; gives Twisted's port, to be stopped at the end."""
    factory = _Maker(make)
    wrapped = factory if certificate is None else TLSMemoryBIOFactory(certificate, False, factory)
    wrapped.noisy = False
    port = reactor.adoptStreamPort(handed.fileno(), handed.family, wrapped)
    handed.listen(_BACKLOG)  # adoptStreamPort has set a queue of fifty
    return port


class _Maker(Factory):
    noisy = False

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def buildProtocol(self, _address: object) -> Any:
        return self._make()


def _context(folder: Path) -> Any:
    server_context(folder)  # tells what is wrong, with the file's name
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION)
    context.set_cipher_list(_CIPHERS)
    try:
        context.use_certificate_chain_file(str(folder / "cert.pem"))
        context.use_privatekey_file(str(folder / "key.pem"))
    except SSL.Error as error:
        raise TlsError(f"{folder / 'cert.pem'} and key.pem cannot be used") from error
    return context
