"""How browsers reach the web from this school: the ways to its proxy, and what is inside. Pure.

Whoever tells it (HTTP, group policy) asks here, so that all tell the same. May not live here: the script (``pac``).
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from appliance.daemon.pac import Inside, script
from appliance.settings.names import name_for, server_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.daemon.options_network import Network
    from appliance.settings.load import Settings

_LISTENERS: Final = (("HTTPS", "proxy-tls"), ("PROXY", "proxy"))


def web_ways(settings: Settings) -> tuple[str, ...]:
    """Return the ways to the proxy as scripts name them, the best first: TLS, then in clear if others than we hear it.

    Where the proxy listens on this machine only, only this machine can use it, and is told of TLS.
    """
    listen, name = settings.network.listen, name_for(settings, "proxy")
    ways = [(kind, listen[one]) for kind, one in _LISTENERS]
    heard = [(kind, address) for kind, address in ways if not ip_address(address.host).is_loopback] or ways[:1]
    return tuple(f"{kind} {name}:{address.port}" for kind, address in heard)


def web_script(settings: Settings) -> str:
    """Return the script for browsers (PAC): the school's own names and networks directly, all else by the proxy.

    What the proxy is told to reach inside (``proxy.yaml: exceptions``) is asked of the proxy.
    """
    names, networks = list[str](), list(_networks(settings))
    for name in server_names(settings):
        try:
            networks.append(ip_network(name))
        except ValueError:
            names.append(name)
    domains = [settings.school.domain]
    if settings.directory.kind == "domain":
        domains.append(settings.domain.name)
    more = (name for name in names if not any(f".{name}".endswith(f".{domain}") for domain in domains))
    through = [(one.host, one.port) for one in settings.proxy.exceptions]
    return script(web_ways(settings), Inside((*domains, *more), networks, through))


def _networks(settings: Settings) -> Iterator[Network]:
    network = settings.network
    yield from (*network.networks, *network.device_networks)
    for of_room in network.rooms.values():
        yield from of_room
