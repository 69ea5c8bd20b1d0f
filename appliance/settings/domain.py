"""``domain.yaml``: the domain that PCs join (directory kind ``domain``)."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from ipaddress import ip_address

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf
from appliance.daemon.options_network import HOST
from appliance.daemon.options_values import Scalar, text

_NETBIOS = r"[A-Za-z][A-Za-z0-9-]{0,14}"
_LONGEST_NETBIOS = 15
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def _ip(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError from None  # its text would be taken for what was meant


_IP = Scalar("address", "an IP address such as 10.1.0.1", _ip)


@dataclass(frozen=True, slots=True)
class DomainSettings:
    """The domain; ``name`` in lower case, ``workgroup`` and ``host`` as they are used: never ``auto`` once loaded.

    ``dns_forwarders`` are IP addresses; ``interfaces`` names, addresses, networks.
    """

    name: str = option(
        text(rf"auto|{_LABEL}(\.{_LABEL})+", "auto, or a name such as schule.example in lower case"),
        "auto",
        "The domain's DNS name, whose upper case is its Kerberos realm: the school's domain or one below it; auto: "
        "the school's domain. It cannot be changed once the domain is made.",
        example="ad.schule.example",
    )
    workgroup: str = option(
        text(rf"auto|{_NETBIOS}", "auto, or at most 15 letters, digits and dashes"),
        "auto",
        "The domain's short name, which people see at the PCs (SCHULE\\login); auto: the first part of name. It cannot "
        "be changed once the domain is made.",
        example="PARKSCHULE",
    )
    host: str = option(
        text(rf"auto|{_NETBIOS}", "auto, or at most 15 letters, digits and dashes"),
        "auto",
        "This server's name in the domain; auto: the machine's. It cannot be changed once the domain is made.",
        example="server",
    )
    interfaces: tuple[str, ...] = option(
        ListOf(text(r"[A-Za-z0-9_.:/*?-]+", "a network card's name, an IP address or a network", longest=60)),
        [],
        "Where the domain is served: network cards or addresses, this machine itself always. None: everywhere.",
        example=["eth1"],
    )
    dns_forwarders: tuple[str, ...] = option(
        ListOf(_IP),
        [],
        "DNS servers that are asked for names outside of the domain. None: those that the machine itself asks.",
        example=["10.1.0.1", "9.9.9.9"],
    )
    time_servers: tuple[str, ...] = option(
        ListOf(HOST),
        [],
        "Where this server gets the time from that it gives to the PCs. None: as the machine is set up.",
        example=["ptbtime1.ptb.de"],
    )

    @property
    def fqdn(self) -> str:
        """This server's full name in the domain, in lower case."""
        return f"{self.host.lower()}.{self.name}"

    @property
    def realm(self) -> str:
        """The Kerberos realm."""
        return self.name.upper()


def completed(domain: DomainSettings, school_domain: str) -> DomainSettings:
    """Return ``domain`` with everything in place that was left to us."""
    name = school_domain if domain.name == "auto" else domain.name
    first = name.partition(".")[0][:_LONGEST_NETBIOS].strip("-")
    machine = socket.gethostname().partition(".")[0][:_LONGEST_NETBIOS].strip("-") or "server"
    return replace(
        domain,
        name=name,
        workgroup=(first if domain.workgroup == "auto" else domain.workgroup).upper(),
        host=(machine if domain.host == "auto" else domain.host).lower(),
    )
