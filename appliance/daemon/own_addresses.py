"""Under which addresses the PCs reach this machine. It changes nothing.

May live here: looking at the network cards and choosing. May not: what becomes of it (DNS).
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import psutil

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def own_addresses(networks: Sequence[Network], interfaces: Sequence[str]) -> tuple[Address, ...]:
    """Return this machine's addresses in ``networks`` (none named: anywhere but on itself), sorted.

    ``interfaces`` (cards, addresses, networks), if any is named, are where the domain is served.
    """
    cards = {
        name: [one.address for one in all_of_it if one.family in (socket.AF_INET, socket.AF_INET6)]
        for name, all_of_it in psutil.net_if_addrs().items()
    }
    return chosen(cards, networks, interfaces)


def chosen(
    cards: Mapping[str, Iterable[str]], networks: Sequence[Network], interfaces: Sequence[str]
) -> tuple[Address, ...]:
    """Choose from the addresses of ``cards`` (name of a card to its addresses as text)."""
    found = {address for name, address in _each(cards) if not interfaces or _served(name, address, interfaces)}
    usable = (one for one in found if not (one.is_loopback or one.is_link_local or one.is_multicast))
    fitting = (one for one in usable if not networks or any(one in network for network in networks))
    return tuple(sorted(fitting, key=lambda one: (one.version, int(one))))


def _each(cards: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, Address]]:
    for name, texts in cards.items():
        yield from ((name, ip_address(text.partition("%")[0])) for text in texts)


def _served(card: str, address: Address, interfaces: Iterable[str]) -> bool:
    for one in interfaces:
        try:
            if address in ip_network(one, strict=False):
                return True
        except ValueError:
            if fnmatch(card, one):
                return True
    return False
