"""Types of the network: domain, host, address to listen on, network, one port of a network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from appliance.daemon.options_values import Scalar

Network = IPv4Network | IPv6Network
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_WILD = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never listened on


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens: ``host`` an IP address (``0.0.0.0``, ``::`` for all), ``port`` from 1 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def collides(self, other: Address) -> bool:
        """Say whether the two cannot listen at once; a wildcard takes every address, ``::`` those of IPv4 too."""
        if self.port != other.port:
            return False
        return self.host == other.host or bool(_WILD & {self.host, other.host})


@dataclass(frozen=True, slots=True)
class NetworkPort:
    """The port ``port`` (1 to 65535) of every address in ``network``."""

    network: Network
    port: int

    def __str__(self) -> str:
        return f"[{self.network}]:{self.port}" if self.network.version == 6 else f"{self.network}:{self.port}"

    def holds(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        """Say whether ``port`` of ``address`` is meant."""
        return port == self.port and address.version == self.network.version and address in self.network


def within(inner: Network, outer: Network) -> bool:
    """Say whether all of ``inner`` lies in ``outer``; networks of two families never do."""
    first, last = int(inner.network_address), int(inner.broadcast_address)
    return (
        inner.version == outer.version and int(outer.network_address) <= first and last <= int(outer.broadcast_address)
    )


def _address(value: str) -> Address:
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})", value, re.ASCII)
    if not found or int(found[3]) > 65535:
        raise ValueError
    try:
        return Address(str(ip_address(found[1] or found[2])), int(found[3]))
    except ValueError:
        raise ValueError from None


def _network(value: str) -> Network:
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        near = ip_network(value, strict=False)
    except ValueError:
        raise ValueError from None
    raise ValueError(str(near))


def _network_port(value: str) -> NetworkPort:
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:./]+)\]|([0-9./]+)):([1-9][0-9]{0,4})", value, re.ASCII)
    if not found or int(found[3]) > 65535:
        raise ValueError
    return NetworkPort(_network(found[1] or found[2]), int(found[3]))


def _domain(value: str) -> str:
    name = value.casefold().rstrip(".")
    if len(name) > 200 or not re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})+", name, re.ASCII):
        raise ValueError
    if name.rpartition(".")[2].isdigit():
        raise ValueError  # an address, or part of one
    return name


def _host(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        return _domain(value)


ADDRESS: Scalar[Address] = Scalar(
    "address:port", "an IP address and a port from 1 to 65535, such as 127.0.0.1:587 or [::1]:587", _address
)
NETWORK: Scalar[Network] = Scalar("network", "a network such as 10.1.12.0/24, or one address", _network)
NETWORK_PORT: Scalar[NetworkPort] = Scalar(
    "network:port", "a network or an address, and a port, such as 17.0.0.0/8:443 or [2620:149::/32]:443", _network_port
)
DOMAIN: Scalar[str] = Scalar("domain", "a domain such as schule.example, of letters a to z, digits and -", _domain)
HOST: Scalar[str] = Scalar("host", "a name such as mail.schule.example, or an IP address", _host)
