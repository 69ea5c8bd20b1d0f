"""Which directory the server has: what fits what is installed, what stands against it, what has to be done. Pure.

May live here: deciding. May not: looking (``survey``) and doing (``domain``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.daemon.options_network import Address
from appliance.directory.domain.ports import PORTS, UDP, hosts

if TYPE_CHECKING:
    from appliance.settings.load import Settings
    from appliance.setup.ports import Holder

UNITS: Final = {"slapd": "directory", "domain": "domain"}
"""A directory of our own -> the unit that serves it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is now: ``kind`` as the settings say, ``made`` those of our own that exist, ``marked`` those that may run.

    ``domain``: with which names a domain was made (DNS name, short name, this server), ``None``: there is none.
    ``set_up``: a setup came to its end here.
    """

    kind: str
    made: frozenset[str]
    marked: frozenset[str]
    domain: tuple[str, ...] | None
    set_up: bool

    def moves(self, wanted: str) -> bool:
        """Whether accounts have to go from slapd into the domain before that is the directory."""
        return self.set_up and wanted == "domain" and self.kind == "slapd" and "slapd" in self.made

    def begins_anew(self, settings: Settings) -> bool:
        """Whether a domain that no setup came to its end with was made under other names: nobody is in it yet."""
        return not self.set_up and self.domain not in (None, names(settings))


def fitting(units: Collection[str], standing: Standing) -> str:
    """Propose a directory: the one in use, else the domain where its package is installed."""
    if standing.set_up:
        return standing.kind
    return next((kind for kind in ("domain", "slapd") if UNITS[kind] in units), standing.kind)


def names(settings: Settings) -> tuple[str, ...]:
    """Give the names that a domain keeps for ever."""
    return settings.domain.name, settings.domain.workgroup, settings.domain.host


def problems(settings: Settings, units: Collection[str], standing: Standing) -> Iterator[str]:
    """Give every reason why these settings cannot have the directory that they ask for, a sentence each."""
    kind = settings.directory.kind
    if kind in UNITS and UNITS[kind] not in units:
        yield f"directory: {kind} needs the package schoolserver-{UNITS[kind]}; install it, then run setup again"
    if standing.set_up and kind != standing.kind and not standing.moves(kind) and standing.kind in standing.made:
        yield (
            f"directory: the accounts are in {standing.kind}, so it stays; found {kind}. There is a way from slapd to"
            " domain, and no other"
        )
    if kind != "domain":
        return
    if standing.set_up and standing.domain not in (None, names(settings)):
        made = ", ".join(standing.domain or ())
        yield f"domain_name: the domain was made as {made}, so it stays; found {', '.join(names(settings))}"
    if settings.domain.host == "localhost":
        yield "domain: this machine is called localhost; give it a name first: hostnamectl set-hostname server"


def taken_ports(
    holders: Iterable[Holder], interfaces: Sequence[str], going: Collection[str], ours: Collection[Address]
) -> list[str]:
    """Say which ports of a domain served at ``interfaces`` somebody else has; none of them can be elsewhere for PCs.

    ``going`` are units that setup is about to stop, ``ours`` the addresses of sockets that give way.
    """
    found = [one for one in holders if not one.unit.startswith("schoolserver") and one.unit not in going]
    told = (
        f"directory: port {port} ({what}) is taken by {other}; a domain needs it, so end it{other.how()}, serve the"
        " domain on certain network cards only (domain.yaml: interfaces), or choose slapd"
        for port, what in PORTS.items()
        for host in hosts(interfaces)
        for other in found
        if (port in UDP if other.datagrams else other.address not in ours)
        and other.address.collides(Address(host, port))
    )
    return list(dict.fromkeys(told))
