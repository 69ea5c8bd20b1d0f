"""Where a connection of the WLAN was on its way to before the firewall led it here, and whether that is listed.

May live here: asking the kernel, the list. May not: whether that counts, which it does for who names no site.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from appliance.daemon.options_network import NetworkPort
from appliance.proxy.addresses import Address
from appliance.proxy.target import Where

_ORIGINAL_DST: Final = 80
"""SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of Linux: the address before it was translated."""


def destination(connection: socket.socket) -> tuple[Address, int] | None:
    """Give the address and port that ``connection`` was on its way to; ``None``: nobody has led it here."""
    found = _original(connection)
    own = connection.getsockname()
    here = IPv6Address(own[0].partition("%")[0]) if ":" in own[0] else IPv4Address(own[0])
    return None if found == (getattr(here, "ipv4_mapped", None) or here, own[1]) else found


def place_in(listed: Sequence[NetworkPort], meant: tuple[Address, int] | None) -> Where | None:
    """Give where a connection is led on that was ``meant`` for one of the ``listed`` places; ``None``: for none."""
    return Where(str(meant[0]), meant[1]) if meant is not None and any(one.holds(*meant) for one in listed) else None


def _original(connection: socket.socket) -> tuple[Address, int] | None:
    try:
        told = connection.getsockopt(socket.SOL_IP, _ORIGINAL_DST, 16)
        port, packed = struct.unpack_from("!2xH4s", told)
        return IPv4Address(packed), port
    except OSError:
        pass
    try:
        told = connection.getsockopt(socket.IPPROTO_IPV6, _ORIGINAL_DST, 28)
        port, packed = struct.unpack_from("!2xH4x16s", told)
    except OSError:
        return None
    return IPv6Address(packed).ipv4_mapped or IPv6Address(packed), port
