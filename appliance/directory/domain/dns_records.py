"""The records that the server keeps in the domain's DNS. Pure.

May live here: which names, and what becomes of the records at a name. May not: reading or writing them (``dns_zone``).
What a carer has put at a name of ours is his and stays; what he takes away at one comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from appliance.settings.mail_offers import Record, service_records

if TYPE_CHECKING:
    from appliance.settings.load import Settings

Address = IPv4Address | IPv6Address

_SERVICES: Final = ("mail", "proxy", "wpad", "autoconfig", "autodiscover")
_CONTROLLER: Final = ("", "gc._msdcs.", "DomainDnsZones.", "ForestDnsZones.")


def wanted(settings: Settings, addresses: Iterable[Address]) -> dict[str, frozenset[Record]]:
    """Return what is to be at which name, for a server that has ``addresses`` in the school's networks.

    The controller's own names, names of services, and where mail programs find theirs.
    """
    zone, own = settings.domain.name, frozenset(map(_address_record, addresses))
    names = [settings.domain.fqdn, *(f"{part}{zone}" for part in _CONTROLLER), *(f"{one}.{zone}" for one in _SERVICES)]
    return dict.fromkeys(names, own) | service_records(settings, zone) if own else {}


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
