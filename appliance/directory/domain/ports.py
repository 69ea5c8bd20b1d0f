"""The ports of a domain controller, which no other program of this machine may have.

May live here: which, and looking whether they are free. Samba itself only says that one of its tasks failed.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

from appliance.directory.domain.place import Domain
from appliance.directory.engine_tools import CannotPrepare

PORTS: Final = {
    53: "DNS",
    88: "Kerberos",
    135: "RPC",
    389: "LDAP",
    445: "files",
    464: "password changes",
    636: "LDAPS",
    3268: "global catalog",
    3269: "global catalog over TLS",
}
UDP: Final = (53, 88, 389, 464)
"""Those that are asked by datagrams, too."""


def refuse_taken(domain: Domain) -> None:
    """Raise :class:`CannotPrepare` naming every port that another program listens on where the domain is served."""
    taken = sorted({port for host in hosts(domain.interfaces) for port in _taken(host)})
    if taken:
        named = ", ".join(f"{port} ({PORTS[port]})" for port in taken)
        raise CannotPrepare(
            f"another program has the domain's port {named}; `ss -lntup` names it: stop it (for DNS often dnsmasq or "
            "systemd-resolved), or serve the domain on certain network cards only (domain.yaml: interfaces)"
        )


def hosts(interfaces: Sequence[str]) -> Iterator[str]:
    """Give the addresses that are sure to be listened on: named ones and loopback, or else all."""
    if not interfaces:
        yield "0.0.0.0"  # noqa: S104 - only tried
        return
    yield "127.0.0.1"
    for one in interfaces:
        with suppress(ValueError):
            yield str(ip_address(one))


def _taken(host: str) -> Iterator[int]:
    for port in PORTS:
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM) if port in UDP else (socket.SOCK_STREAM,)
        if not all(_free(host, port, kind) for kind in kinds):
            yield port


def _free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections do not count
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
