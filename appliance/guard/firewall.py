"""The domain's doors as nftables knows them: a table of our own with the addresses that wait (nft(8)).

It also bounds how many drives' connections an address has: each costs Samba a process before anybody has signed in.
May live here: its text, and handing it over. May not: who waits, and why (``rule``).
"""

from __future__ import annotations

import ipaddress
import math
from typing import Final

from appliance.daemon.nftables import attempt, tell

TABLE: Final = "schoolserver-guard"
_TCP: Final = "88, 135, 139, 389, 445, 464, 636, 3268, 3269, 49152-65535"
_UDP: Final = "389"


def table(most: int) -> str:
    """Give the text that makes our table anew, whether there was one or not; nothing of other tables is touched.

    From each address at most ``most`` connections to the drives are open at once; what is open already goes on.

    Packets of an address that waits are dropped: what is open stays open and goes on afterwards. Kerberos is to be
    asked over TCP (RFC 4120, 7.2.2): in a datagram anybody can put another's address, who would then wait for him.
    """
    sets = "".join(
        f"  set held{n} {{ type ipv{n}_addr; flags timeout; size 65535; }}\n"
        f"  set drives{n} {{ type ipv{n}_addr; flags dynamic; size 65535; }}\n"
        for n in (4, 6)
    )
    drops = "".join(
        f"    {protocol} dport {{ {ports} }} {family} saddr @held{n} counter drop\n"
        for n, family in ((4, "ip"), (6, "ip6"))
        for protocol, ports in (("tcp", _TCP), ("udp", _UDP))
    )
    drops += "".join(
        f'    iifname != "lo" tcp dport 445 ct state new add @drives{n} {{ {family} saddr ct count over {most} }} '
        "counter reject with tcp reset\n"
        for n, family in ((4, "ip"), (6, "ip6"))
    )
    drops += '    iifname != "lo" udp dport { 88, 464 } counter reject\n'
    chain = f"  chain input {{\n    type filter hook input priority filter; policy accept;\n{drops}  }}\n"
    return f"table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n{sets}{chain}}}\n"


def held(address: str, seconds: float) -> tuple[str, str]:
    """Give the two texts that make ``address`` wait for ``seconds`` from now, however long it waits already.

    The first may fail: it takes out what need not be there.
    """
    element = f"inet {TABLE} held{ipaddress.ip_address(address).version} {{ {address}"
    return f"delete element {element} }}\n", f"add element {element} timeout {math.ceil(seconds)}s }}\n"


def set_up(most: int) -> None:
    """Make the table; raises ``FirewallError``."""
    tell(table(most))


def take_down() -> None:
    """Remove the table: where nobody counts, nobody waits; raises ``FirewallError``."""
    tell(f"delete table inet {TABLE}\n")


def hold(address: str, seconds: float) -> None:
    """Let ``address`` wait; raises ``FirewallError``."""
    out, into = held(address, seconds)
    attempt(out)
    tell(into)
