"""Whether an address is one of this machine's. Only looks: nothing is sent."""

from __future__ import annotations

import socket
from ipaddress import ip_address


def leads_here(address: str) -> bool:
    """Say whether the IP address ``address`` is this machine itself: loopback, or an address of one of its cards.

    What cannot be found out here, as in a sandbox without a network, is somebody else.
    """
    asked = ip_address(address)
    if asked.is_loopback or asked.is_unspecified:
        return True
    try:
        with socket.socket(socket.AF_INET6 if asked.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((str(asked), 9))  # to a card of one's own one comes from that card; no datagram is sent
            return ip_address(probe.getsockname()[0]) == asked
    except OSError:
        return False
