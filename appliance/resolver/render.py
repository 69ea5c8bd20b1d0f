"""The configuration of dnsmasq as text. Pure; compared with golden files.

May live here: text. May not: disk, processes. The WLAN asks here, whomever its questions were meant for (the firewall
leads them), so here stands what keeps a device from going round the proxy: no DNS over HTTPS, no relay, no keys by
which a browser hides the name of a site. Hosts at which search is made safe have an address of their own: a browser
with a connection to another host at the same one may use that, and nobody sees it (RFC 9113, 9.1.1). The proxy looks
them up anew, so any address will do. Nothing is logged: a question is a name somebody went to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

CANARY: Final = "use-application-dns.net"
"""Firefox keeps to the network's own DNS where this name does not exist."""
_NOT_THERE: Final = (CANARY, "mask.icloud.com", "mask-h2.icloud.com", "resolver.arpa")
"""With Apple's, whose relay (iCloud Private Relay) is off then, and where encrypted DNS is announced (RFC 9462, 4)."""
_FIXED: Final = """\
# Records with keys for encrypted hellos and hints at QUIC (RFC 9460); all records of a name at once (RFC 8482).
filter-rr=HTTPS,SVCB,ANY
# A name outside that leads inside would make a browser attack the school's machines.
stop-dns-rebind
domain-needed
bogus-priv
cache-size=10000
dns-forward-max=1000
no-hosts
# Nothing that it could say is without names.
log-facility=/dev/null
# It stays in the foreground.
pid-file
"""
_A_LINE: Final = 10
"""Hosts in a line: dnsmasq reads a thousand bytes of one."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Where it listens, and whom it asks: ``servers`` (addresses), else those that the file ``machine`` names.

    ``host`` is an address, or ``None`` for all. ``zones``: domain to the address of who knows it. ``names`` are the
    server's own, at ``addresses``; ``inside``: domains whose names may lead to private addresses. ``apart``: hosts that
    share an address with no others, group by group.
    """

    host: str | None
    port: int
    servers: tuple[str, ...]
    machine: Path
    zones: Mapping[str, str]
    names: tuple[str, ...]
    addresses: tuple[IPv4Address | IPv6Address, ...]
    inside: tuple[str, ...]
    apart: tuple[tuple[str, ...], ...] = ()


def render(resolver: Resolver) -> str:
    """Return dnsmasq.conf."""
    return "\n".join((*_lines(resolver), _FIXED))


def _lines(resolver: Resolver) -> Iterator[str]:
    yield f"port={resolver.port}"
    if resolver.host is not None:
        yield from (f"listen-address={resolver.host}", "bind-interfaces")
    if resolver.servers:
        yield from ("no-resolv", *(f"server={server}" for server in resolver.servers))
    else:
        yield f"resolv-file={resolver.machine}"
    yield from (f"server=/{zone}/{server}" for zone, server in resolver.zones.items())
    if resolver.addresses:
        for name in resolver.names:
            yield f"local=/{name}/"
            yield from (f"host-record={name},{address}" for address in resolver.addresses)
    if resolver.inside:
        yield f"rebind-domain-ok=/{'/'.join(resolver.inside)}/"
    if resolver.apart:
        yield "# Hosts apart from others; the addresses are nobody's (RFC 5737, RFC 3849)."
    for number, hosts in enumerate(resolver.apart, 1):
        for at in range(0, len(hosts), _A_LINE):
            yield f"host-record={','.join(hosts[at : at + _A_LINE])},192.0.2.{number},2001:db8::{number}"
    yield "# Names that are not there."
    yield from (f"local=/{name}/" for name in _NOT_THERE)
