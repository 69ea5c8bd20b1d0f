"""The records that the server keeps in the domain's DNS. Pure.

May live here: which names, and what becomes of the records at a name. May not: reading or writing them (``dns_zone``).
What a carer has put at a name of ours is his and stays; what he takes away at one comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from appliance.settings.names import name_for

if TYPE_CHECKING:
    from appliance.settings.load import Settings

Address = IPv4Address | IPv6Address

_SERVICES: Final = ("mail", "proxy", "wpad", "autoconfig")
_CONTROLLER: Final = ("", "gc._msdcs.", "DomainDnsZones.", "ForestDnsZones.")
_NOT_OFFERED: Final = ("_imaps", "_pop3", "_pop3s")


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """A record: ``kind`` is A, AAAA or SRV; ``data`` an address, or ``priority weight port host``."""

    kind: str
    data: str


def wanted(settings: Settings, addresses: Iterable[Address]) -> dict[str, frozenset[Record]]:
    """Return what is to be at which name, for a server that has ``addresses`` in the school's networks.

    The controller's own names, names of services, and where mail programs find theirs (RFC 6186: STARTTLS at the
    ports that are served, and that nothing else is offered).
    """
    zone, own = settings.domain.name, frozenset(map(_address_record, addresses))
    names = [settings.domain.fqdn, *(f"{part}{zone}" for part in _CONTROLLER), *(f"{one}.{zone}" for one in _SERVICES)]
    found = dict.fromkeys(names, own) if own else {}
    mail, listen = name_for(settings, "mail"), settings.network.listen
    for service, port in (("_imap", listen["imap"]), ("_submission", listen["submission"])):
        if own and not ip_address(port.host).is_loopback:
            found[f"{service}._tcp.{zone}"] = frozenset({Record("SRV", f"0 1 {port.port} {mail}")})
    for service in _NOT_OFFERED if own else ():
        found[f"{service}._tcp.{zone}"] = frozenset({Record("SRV", "0 0 0 .")})
    return found


def merged(present: Set[Record], ours: Set[Record], new: Set[Record], *, shared: bool = False) -> frozenset[Record]:
    """Return what is to be at a name where ``present`` is found, ``ours`` was once written, and ``new`` is wanted.

    Records of the same kinds that are not ours are a carer's: where there are such and none of ours among them, the
    name is his. A ``shared`` name has records of other controllers too.
    """
    kinds = {record.kind for record in (*new, *ours)}
    rivals = {record for record in present if record.kind in kinds}
    if rivals and not rivals & (ours | new) and not shared:
        return frozenset(present)
    return frozenset((present - ours) | new)


def shared_names(settings: Settings) -> frozenset[str]:
    """Return the names at which each controller of the domain has its addresses, and this server's own."""
    zone = settings.domain.name
    return frozenset((settings.domain.fqdn, *(f"{part}{zone}" for part in _CONTROLLER)))


def _address_record(address: Address) -> Record:
    return Record("A" if address.version == 4 else "AAAA", str(address))
