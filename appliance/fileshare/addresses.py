"""To which address a program is sent for its files: behind a router it cannot reach the one that we know. Pure.

May live here: that choice. May not: a socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from appliance.daemon.options_network import Network


def passive_address(client: str | None, networks: Sequence[Network], outside: str | None) -> str | None:
    """Give what PASV tells the program at the IP ``client`` (RFC 959, 4.1.2); ``None``: where its connection came to.

    ``outside`` is for those who are in none of the school's ``networks``; where these are not known, for those with an
    address of the internet (not a private one).
    """
    if outside is None or client is None:
        return None
    address = ip_address(client)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    inside = any(address in network for network in networks) if networks else not address.is_global
    return None if inside else outside
