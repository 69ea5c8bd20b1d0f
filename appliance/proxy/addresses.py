"""Which addresses the internet has and which are ours: nobody reaches the school's own machines through the proxy.

May live here: arithmetic on addresses, pure. May not: looking up names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import AF_INET, AF_INET6, inet_ntop

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64 = IPv6Network("64:ff9b::/96")
_INTERNET6 = IPv6Network("2000::/3")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@lru_cache(maxsize=8192)
def literal(host: str) -> Address | None:
    """Give the address that ``host`` is written as, ``None`` for a name."""
    if ":" not in host and not host[-1:].isdigit():
        return None
    try:
        return ip_address(host)
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def is_loopback(host: str) -> bool:
    """Whether ``host`` is written as an address of this machine's own loopback."""
    address = literal(host)
    return address is not None and address.is_loopback


def numeric(address: Address) -> str:
    """Give ``address`` as getsockname(2) is told, by inet_ntop(3): equal texts are equal addresses."""
    if isinstance(address, IPv4Address):
        return inet_ntop(AF_INET, address.packed)
    scope = f"%{address.scope_id}" if address.scope_id and address.is_link_local else ""
    return inet_ntop(AF_INET6, address.packed) + scope


def inside(address: Address, network: Network) -> bool:
    """Whether ``address`` lies in ``network``, which may be of the other family."""
    return address.version == network.version and address in network


def public(address: Address, own: Iterable[Network] = ()) -> bool:
    """Whether ``address`` is one of the internet: none of ours and none reserved.

    Ours are loopback, private, link-local and shared ones and those in the school's ``own`` networks; multicast goes
    nowhere. Addresses that carry another (mapped, NAT64, 6to4) count as that one; of IPv6 only what is given out to
    the internet does (RFC 4291, 2.4), so that no other way of carrying one leads inside (RFC 8215, RFC 6052).
    """
    address = _meant(address)
    if any(inside(address, network) for network in own):
        return False
    if isinstance(address, IPv6Address) and address not in _INTERNET6:
        return False
    return address.is_global and not address.is_multicast


def nameless(host: str) -> bool:
    """Whether ``host`` (lower case) is an address of the internet, or a number that a look-up takes for an address.

    No name ends in a number (WHATWG URL, 4.5): ``0x7f.1``, ``2130706433`` and ``127.1`` are spellings of addresses.
    """
    address = literal(host)
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None if address is None else public(address)


def _meant(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
