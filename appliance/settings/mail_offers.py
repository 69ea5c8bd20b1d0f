"""What mail programs are told of this server: where mail is read and handed in, and the DNS records that say so. Pure.

Whoever tells it (DNS, pages, files for mail programs) asks here, so that all tell the same. May not live here: how it
is written in any of their formats.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from appliance.settings.names import mail_names, name_for

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_LISTENERS: Final = (
    ("imaps", "imap", True),
    ("imap", "imap", False),
    ("submissions", "smtp", True),
    ("submission", "smtp", False),
)
_NOT_OFFERED: Final = ("_pop3", "_pop3s")
_HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to mail: ``protocol`` is ``imap`` or ``smtp``; ``at_once``: TLS from the first byte, else by STARTTLS."""

    protocol: str
    host: str
    port: int
    at_once: bool


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """A DNS record: ``kind`` is A, AAAA or SRV; ``data`` an address, or ``priority weight port host``."""

    kind: str
    data: str


def offers(settings: Settings, protocol: str, *, inside: bool = False) -> tuple[Offer, ...]:
    """Return the ways to read (``imap``) or hand in (``smtp``) mail, the best first (RFC 8314, 3).

    What listens for this machine only is told on this machine only (``inside``).
    """
    host, listen = name_for(settings, "mail"), settings.network.listen
    return tuple(
        Offer(protocol, host, listen[name].port, at_once)
        for name, spoken, at_once in _LISTENERS
        if spoken == protocol and (inside or not is_inside(settings, name))
    )


def is_inside(settings: Settings, listener: str) -> bool:
    """Tell whether ``listener`` of network.yaml listens for this machine only."""
    return ip_address(settings.network.listen[listener].host).is_loopback


def service_records(settings: Settings, zone: str) -> dict[str, frozenset[Record]]:
    """Return name -> SRV records in ``zone`` by which mail programs find the services (RFC 6186, RFC 8314, 5.1).

    TLS at once comes before STARTTLS; that POP3 is not offered is said, too. ``_autodiscover`` is Outlook's and knows
    port 443 only.
    """
    found = {}
    for listener, _, at_once in _LISTENERS:
        if not is_inside(settings, listener):
            port, host = settings.network.listen[listener].port, name_for(settings, "mail")
            label = f"_{listener}._tcp.{zone}"
            found[label] = frozenset({Record("SRV", f"{0 if at_once else 10} 1 {port} {host}")})
    for service in _NOT_OFFERED:
        found[f"{service}._tcp.{zone}"] = frozenset({Record("SRV", "0 0 0 .")})
    if not is_inside(settings, "https") and settings.network.listen["https"].port == _HTTPS:
        host = name_for(settings, "autodiscover")
        found[f"_autodiscover._tcp.{zone}"] = frozenset({Record("SRV", f"0 0 {_HTTPS} {host}")})
    return found


def host_records(settings: Settings, addresses: Iterable[str]) -> dict[str, frozenset[Record]]:
    """Return name -> A and AAAA records of the names that mail programs ask for, at ``addresses``."""
    own = frozenset(Record("AAAA" if ":" in address else "A", address) for address in addresses)
    return dict.fromkeys((name_for(settings, "mail"), *mail_names(settings)), own) if own else {}
