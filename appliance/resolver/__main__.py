"""The resolver's process: writes dnsmasq's configuration and becomes dnsmasq, in the foreground.

It needs no right of root's: its port is a high one. Exit 2 on wrong settings, 1 when it cannot start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.daemon.arguments import settings_parser
from appliance.daemon.engine import EngineRefused, swap
from appliance.daemon.forwarders import RESOLVERS
from appliance.daemon.own_addresses import own_addresses
from appliance.filter.safe_search import own_table
from appliance.resolver.render import Resolver, render
from appliance.settings.directory import OTHERS
from appliance.settings.names import mail_names, server_names
from appliance.settings.program import run

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_DNSMASQ: Final = "/usr/sbin/dnsmasq"
_DOMAINS_OWN: Final = "127.0.0.1"
"""Where the domain's DNS always serves."""


def main(argv: Sequence[str]) -> int:
    """Write the configuration and become dnsmasq; return the exit code when that fails."""
    options = settings_parser("Names for the WLAN's devices (dnsmasq).", "schoolserver-resolver").parse_args(argv)
    return run("resolver", options.settings, become, (EngineRefused, OSError))


def become(settings: Settings) -> None:
    """Become dnsmasq with what ``settings`` ask for; raises :class:`EngineRefused` or OSError."""
    path = settings.server.state / "resolver" / "dnsmasq.conf"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    swap(path, render(resolver_of(settings)), lambda candidate: (_DNSMASQ, "--test", f"--conf-file={candidate}"))
    os.execv(_DNSMASQ, dnsmasq_argv(path))  # noqa: S606 - the argv is our own


def dnsmasq_argv(path: Path) -> tuple[str, ...]:
    """Return the command line of dnsmasq in the foreground."""
    return (_DNSMASQ, "--keep-in-foreground", f"--conf-file={path}")


def resolver_of(settings: Settings) -> Resolver:
    """Return the resolver that these settings ask for; the server's names lead to its addresses in the WLAN, if any."""
    network, domain = settings.network, settings.domain
    own = settings.directory.kind == "domain"
    listen = network.listen["dns"]
    names = dict.fromkeys((*server_names(settings), *mail_names(settings)))
    found = own_addresses(network.wlan_networks, ()) or own_addresses(network.networks, ())
    return Resolver(
        host=None if ip_address(listen.host).is_unspecified else listen.host,
        port=listen.port,
        servers=domain.dns_forwarders if own else (),
        machine=next((path for path in RESOLVERS if path.exists()), RESOLVERS[-1]),
        zones={domain.name: _DOMAINS_OWN} if own else {},
        names=tuple(name for name in names if not _is_address(name) and not (own and _below(name, domain.name))),
        addresses=found,
        inside=tuple(dict.fromkeys(_inside(settings))),
        apart=_apart(),
    )


def _apart() -> tuple[tuple[str, ...], ...]:
    """Give the hosts at which search is made safe; those for which it is at the same time are one group."""
    groups: dict[frozenset[str], list[str]] = {}
    for host, enforced in own_table().items():
        groups.setdefault(frozenset(enforced), []).append(host)
    return tuple(map(tuple, groups.values()))


def _inside(settings: Settings) -> Sequence[str]:
    """Domains of the school's own machines, and hosts inside that may be reached by name."""
    kind = settings.directory.kind
    parts = (part.strip().partition("=") for part in settings.directory.base.split(",") if kind in OTHERS)
    base = ".".join(value.lower() for key, _, value in parts if key.lower() == "dc")
    hosts = (one.host for one in settings.proxy.exceptions if not _is_address(one.host))
    own = (settings.domain.name,) if kind == "domain" else ()
    return (settings.school.domain, *own, *((base,) if base else ()), *hosts)


def _below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
