"""Whose device an address is: it counts only while a session binds the two, and what nobody owns is nobody's.

May live here: the binding of an address, and who has one now. May not: how a binding comes about (``supervisor``), what
its owner may do, or nobody (``rules``), proof of anything: who sends from an address is a matter of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.policy.snapshot import Snapshot

NOBODY: Final = ""
"""The login of whoever uses an address without owner; no account has it."""


@dataclass(frozen=True, slots=True)
class Binding:
    """An address is the device of ``login`` from ``since`` until ``until``: a session always ends.

    Both are aware and kept in UTC; ``ValueError`` for one without a time zone.
    """

    login: str
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        """Keep the instants in UTC."""
        for name, instant in (("since", self.since), ("until", self.until)):
            if instant.tzinfo is None:
                raise ValueError(f"a binding needs a time zone in {name}")
            object.__setattr__(self, name, instant.astimezone(UTC))

    def holds(self, now: datetime) -> bool:
        """Whether it counts at the aware instant ``now``."""
        return self.since <= now < self.until

    def next_change(self, now: datetime) -> datetime | None:
        """Give the first instant after ``now`` at which it may begin or end; ``None``: it is over."""
        return min((instant for instant in (self.since, self.until) if instant > now), default=None)


def plain(address: str) -> IPv4Address | IPv6Address | None:
    """Read an IP address, an IPv4 one written as IPv6 (RFC 4291 2.5.5.2) as what it is; ``None`` for anything else."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def binding_of(snapshot: Snapshot, address: str) -> Binding | None:
    """Give the binding of the IP ``address``, whether or not it counts now."""
    if not snapshot.owners:
        return None
    return snapshot.owners.get(address) or snapshot.owners.get(str(plain(address)))


def owner(snapshot: Snapshot, address: str, now: datetime) -> Binding | None:
    """Give whose device the IP ``address`` is at ``now``; ``None``: nobody's."""
    binding = binding_of(snapshot, address)
    return binding if binding is not None and binding.holds(now) else None
