"""The WLAN's rules as nftables knows them: a table of our own, as text (nft(8)). Pure; compared with golden files.

May live here: the rules and their reasons. May not: handing them over, or looking at the machine. Only packets that
come from the WLAN are judged, and those to the three ports behind the redirections; everybody else's pass untouched.
Each packet on its way out is judged by itself and not by its connection: new rules hold for what is open, too.

All is refused aloud (``reject``) and nothing swallowed but what lies about where it comes from: a browser that is
refused QUIC takes TCP at once, one that hears nothing waits for seconds, and a program whose port is closed says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Final

from appliance.daemon.options_network import Network, NetworkPort

TABLE: Final = "schoolserver-wlan"
_HTTP, _HTTPS, _DNS = 80, 443, 53
_DHCP: Final = "udp dport { 67, 547 } accept"
_REFUSE: Final = ("meta l4proto tcp counter reject with tcp reset", "counter reject")
_LINES: Final = 8
"""Connections for DNS that an address has at once: a process each to who answers, who has twenty."""
_RATE: Final = "100/second burst 300 packets"
"""Questions by datagram from one address; a phone that wakes up asks for some dozens at once."""


@dataclass(frozen=True, slots=True)
class Wlan:
    """What the rules are made of; no WLAN at all where ``networks`` is empty.

    ``networks`` are the WLAN's, ``cards`` what they are behind (none: anywhere), ``school`` all of the school's own.
    ``http``, ``tls`` and ``dns`` are the ports that its traffic is led to; ``unnamed`` what is led to ``tls`` whatever
    its port. ``tcp`` and ``udp`` are the server's own ports that are open to it, first and last of each row.
    """

    networks: tuple[Network, ...]
    cards: tuple[str, ...]
    school: tuple[Network, ...]
    http: int
    tls: int
    dns: int
    unnamed: tuple[NetworkPort, ...]
    tcp: tuple[tuple[int, int], ...]
    udp: tuple[tuple[int, int], ...]


def render(wlan: Wlan) -> str:
    """Give the text that makes our table anew, whether there was one or not; nothing of other tables is touched."""
    return f"table inet {TABLE}\n{remove()}table inet {TABLE} {{\n{_sets()}{''.join(_chains(wlan))}}}\n"


def remove() -> str:
    """Give the text that takes our table away, which must be there."""
    return f"delete table inet {TABLE}\n"


def _sets() -> str:
    return "".join(
        f"  set asking{n} {{ type ipv{n}_addr; flags dynamic, timeout; timeout 1m; size 65535; }}\n"
        f"  set lines{n} {{ type ipv{n}_addr; flags dynamic; size 65535; }}\n"
        for n in (4, 6)
    )


def _chains(wlan: Wlan) -> Iterator[str]:
    yield _chain("lead", _lead(wlan), "type nat hook prerouting priority dstnat; policy accept;")
    yield _chain("led", _led(wlan))
    yield _chain("judge", _judge(wlan), "type filter hook prerouting priority filter; policy accept;")
    if wlan.cards:
        yield _chain("cards", _from_cards(wlan))
    yield _chain("wlan", _from_wlan(wlan))
    yield _chain("everybody", (_DHCP, "meta l4proto ipv6-icmp accept", "drop"))
    yield _chain("server", _to_server(wlan))


def _lead(wlan: Wlan) -> Iterator[str]:
    yield 'iifname "lo" accept'
    yield from (f"{source} goto led" for source in _sources(wlan.networks, "saddr"))


def _led(wlan: Wlan) -> Iterator[str]:
    """Where the WLAN's packets go, wherever they were meant for; what is meant for this server is its own."""
    yield f"meta l4proto {{ tcp, udp }} th dport {_DNS} redirect to :{wlan.dns}"
    yield "fib daddr type local accept"
    yield f"tcp dport {_HTTP} redirect to :{wlan.http}"
    yield f"tcp dport {_HTTPS} redirect to :{wlan.tls}"
    ports = sorted({one.port for one in wlan.unnamed} - {_HTTP, _HTTPS, _DNS})
    for port in ports:
        there = [one.network for one in wlan.unnamed if one.port == port]
        yield from (f"{target} tcp dport {port} redirect to :{wlan.tls}" for target in _sources(there, "daddr"))


def _judge(wlan: Wlan) -> Iterator[str]:
    yield 'iifname "lo" accept'
    if wlan.cards:
        yield f"iifname {{ {', '.join(wlan.cards)} }} goto cards"
    verdict = "counter drop" if wlan.cards else "goto wlan"
    yield from (f"{source} {verdict}" for source in _sources(wlan.networks, "saddr"))
    # Nobody else is led there, so nobody else has a reason to come.
    yield f"fib daddr type local tcp dport {{ {wlan.http}, {wlan.tls}, {wlan.dns} }} counter reject with tcp reset"
    yield f"fib daddr type local udp dport {wlan.dns} counter reject"


def _from_cards(wlan: Wlan) -> Iterator[str]:
    """Who has no address yet may ask for one, and neighbours find each other; no other address is one of the WLAN."""
    yield from (f"{source} goto wlan" for source in _sources(wlan.networks, "saddr"))
    yield _DHCP
    yield "ip6 saddr { ::, fe80::/10 } meta l4proto ipv6-icmp accept"
    yield "counter drop"


def _from_wlan(wlan: Wlan) -> Iterator[str]:
    yield "fib saddr . iif oif missing counter drop"
    yield "ct direction reply fib daddr type local accept"
    yield from (f"ct direction reply {target} accept" for target in _sources(wlan.school, "daddr"))
    yield "fib daddr type { broadcast, multicast } goto everybody"
    yield "fib daddr type local goto server"
    # QUIC, which says no name in clear; DNS that nobody here can answer. They have counters of their own.
    yield f"udp dport {_HTTPS} counter reject"
    yield "tcp dport 853 counter reject with tcp reset"
    yield "udp dport 853 counter reject"
    yield from _REFUSE


def _to_server(wlan: Wlan) -> Iterator[str]:
    # Who comes to these ports by himself would have no destination of his own; he was not led there.
    yield f"ct status dnat tcp dport {{ {wlan.http}, {wlan.tls} }} accept"
    for n, family in ((4, "ip"), (6, "ip6")):
        source = f"{{ {family} saddr"
        yield (
            f"tcp dport {wlan.dns} ct state new add @lines{n} {source} ct count over {_LINES} }} "
            "counter reject with tcp reset"
        )
        yield f"udp dport {wlan.dns} add @asking{n} {source} limit rate over {_RATE} }} counter drop"
    yield f"meta l4proto {{ tcp, udp }} th dport {wlan.dns} accept"
    yield "meta l4proto { icmp, ipv6-icmp } accept"
    yield _DHCP
    yield from (f"{protocol} dport {{ {_rows(rows)} }} accept" for protocol, rows in _open(wlan) if rows)
    yield from _REFUSE


def _open(wlan: Wlan) -> Sequence[tuple[str, tuple[tuple[int, int], ...]]]:
    return (("tcp", wlan.tcp), ("udp", wlan.udp))


def _rows(rows: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in sorted(rows))


def _sources(networks: Iterable[Network], side: str) -> Iterator[str]:
    """Match packets whose ``side`` (saddr, daddr) lies in ``networks``, a line for each family that occurs."""
    found = tuple(networks)
    four = collapse_addresses(one for one in found if isinstance(one, IPv4Network))
    six = collapse_addresses(one for one in found if isinstance(one, IPv6Network))
    for family, rows in (("ip", tuple(four)), ("ip6", tuple(six))):
        if rows:
            yield f"{family} {side} {{ {', '.join(map(str, rows))} }}"


def _chain(name: str, rules: Iterable[str], head: str = "") -> str:
    lines = (f"    {line}\n" for line in ((head,) if head else ()))
    return f"  chain {name} {{\n{''.join(lines)}{''.join(f'    {rule}{chr(10)}' for rule in rules)}  }}\n"
