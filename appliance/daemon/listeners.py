"""Sockets handed in by who started us (sd_listen_fds(3)), by name. They outlive us: a restart refuses no connection."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from appliance.daemon.logs import Told

_FIRST = 3

BACKLOG = 4096
"""Connections that may wait while a process is away or busy; a loop that listens again must not shorten the queue."""


def missing(name: str, service: str, socket_unit: str = "") -> str:
    """Tell the carer that ``service`` goes on without the port ``name``; systemd's socket for it is called as it."""
    unit = socket_unit or f"schoolserver-{name}.socket"
    return (
        f"nothing listens for {name}: no such socket was handed in, and systemctl status {unit} says why. If another "
        f"program has the port, end it, or change network.yaml: listen.{name} and run schoolserver setup; then: "
        f"systemctl restart schoolserver-{service}.service"
    )


def taken_from(environment: MutableMapping[str, str]) -> dict[str, list[socket.socket]]:
    """Take LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID out of ``environment`` and return the sockets, non-blocking.

    Several may have one name (IPv4 and IPv6). What was meant for another process is left alone: then there are
    none.
    Raise :class:`Told` when the variables contradict each other or a descriptor is no socket.
    """
    count = environment.pop("LISTEN_FDS", "0")
    names = environment.pop("LISTEN_FDNAMES", "")
    meant = environment.pop("LISTEN_PID", "")
    if meant != str(os.getpid()):
        return {}
    if not count.isdecimal():
        raise Told("LISTEN_FDS is not a number")
    parts = names.split(":") if names else ["unknown"] * int(count)
    if len(parts) != int(count):
        raise Told(f"LISTEN_FDS hands in {count} sockets, LISTEN_FDNAMES names {len(parts)}")
    found: dict[str, list[socket.socket]] = {}
    for descriptor, name in enumerate(parts, _FIRST):
        try:
            handed = socket.socket(fileno=descriptor)
        except OSError as error:
            raise Told(f"descriptor {descriptor} ({name}) is not a socket: {error.strerror}") from error
        handed.set_inheritable(False)
        handed.setblocking(False)
        found.setdefault(name, []).append(handed)
    return found
