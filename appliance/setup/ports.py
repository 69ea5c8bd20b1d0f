"""Whether the ports that the server needs are free, and who has one that is not.

May live here: comparing (pure), and looking at the kernel's table. May not: stopping anybody.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from appliance.daemon.options_network import Address
from appliance.setup.sockets import tcp_sockets
from appliance.supervisor.launcher.unit import Unit

_OURS = "schoolserver"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who listens at ``address``: ``program`` and ``pid``, and the ``unit`` of systemd it runs in (or empty).

    ``datagrams``: it is a port of UDP, and not of TCP.
    """

    address: Address
    program: str
    pid: int | None
    unit: str
    datagrams: bool = False

    def __str__(self) -> str:
        unit = f", {self.unit}" if self.unit else ""
        return f"{self.program} (process {self.pid}{unit})" if self.pid else "a program that cannot be seen from here"

    def how(self) -> str:
        """How to end it, where that is one command."""
        return f" (systemctl disable --now {self.unit})" if self.unit.endswith(".service") else ""


def taken_ports(
    units: Iterable[Unit], holders: Iterable[Holder], ours: Iterable[str], going: Iterable[str]
) -> list[str]:
    """Say which ports of ``units`` somebody else has: one sentence each, with what to do.

    ``ours`` are our socket units that listen there already, ``going`` the units that setup is about to stop.
    """
    there, leaving = frozenset(ours), frozenset(going)
    found = [holder for holder in holders if not holder.datagrams]
    return [
        f"{listener.setting}: {wanted} is taken by {other}; end it{other.how()}, or choose another port"
        for name, listener in tcp_sockets(units)
        if name not in there
        and (wanted := Address(listener.host, listener.port))
        and (other := _other(wanted, found, leaving)) is not None
    ]


def listening() -> Iterator[Holder]:
    """Look who listens on ports of this machine now, and who has ports of UDP."""
    for connection in psutil.net_connections("inet"):
        datagrams = connection.type == socket.SOCK_DGRAM
        if connection.laddr and (datagrams or connection.status == psutil.CONN_LISTEN):
            address = Address(connection.laddr.ip, connection.laddr.port)
            yield Holder(address, _program(connection.pid), connection.pid, _unit(connection.pid), datagrams)


def _other(wanted: Address, holders: Iterable[Holder], leaving: frozenset[str]) -> Holder | None:
    for holder in holders:
        if not holder.unit.startswith(_OURS) and holder.unit not in leaving and holder.address.collides(wanted):
            return holder
    return None


def _program(pid: int | None) -> str:
    with contextlib.suppress(psutil.Error):
        if pid is not None:
            return str(psutil.Process(pid).name())
    return "?"


def _unit(pid: int | None) -> str:
    """The unit that a process runs in, by the path of its cgroup."""
    with contextlib.suppress(OSError):
        if pid is not None:
            last = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").strip().rpartition("/")[2]
            return last if last.endswith((".service", ".scope")) else ""
    return ""
