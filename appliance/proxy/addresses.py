"""Which addresses the internet has and which are ours: nobody reaches the school's own machines through the proxy.

May live here: arithmetic on addresses, pure. May not: looking up names.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64 = IPv6Network("64:ff9b::/96")


def literal(host: str) -> Address | None:
    """Give the address that ``host`` is written as, ``None`` for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def public(address: Address, own: Iterable[Network] = ()) -> bool:
    """Whether ``address`` is one of the internet: none of ours and none reserved.

    Ours are loopback, private, link-local and shared ones and those in the school's ``own`` networks; multicast goes
    nowhere. Addresses that carry another (mapped, NAT64, 6to4) count as that one.
    """
    address = _meant(address)
    if any(address.version == network.version and address in network for network in own):
        return False
    if isinstance(address, IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not address.is_multicast


def _meant(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
