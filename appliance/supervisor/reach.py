"""How a probe reaches what this machine itself listens on, and whom it trusts there.

May not live here: any protocol.
"""

from __future__ import annotations

import contextlib
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.daemon.options_network import Address
    from appliance.settings.load import Settings


def reach(settings: Settings, name: str) -> tuple[str, int]:
    """Give host and port under which this machine reaches its own listener ``name`` of network.yaml."""
    listen: Address = settings.network.listen[name]
    address = ip_address(listen.host)
    loopback = "127.0.0.1" if address.version == 4 else "::1"
    return (loopback if address.is_unspecified else listen.host), listen.port


def trusting(ca: Path) -> ssl.SSLContext:
    """Trust the certificates in ``ca`` and the machine's; the name does not matter, we know which port we ask."""
    context = ssl.create_default_context()
    context.check_hostname = False
    with contextlib.suppress(FileNotFoundError):
        context.load_verify_locations(ca)
    return context
