"""What the settings mean to the parts of the proxy. Pure, but for the addresses of this machine and the lists' files.

May live here: settings in, values out. May not: what the parts do with them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from ipaddress import ip_network

import psutil

from appliance.policy.request import Action
from appliance.proxy.addresses import Network, literal
from appliance.proxy.desk import Times
from appliance.proxy.exempt import Exempt, read_exempt
from appliance.proxy.filter import Lists
from appliance.proxy.session import Closed
from appliance.proxy.target import Where, canonical
from appliance.settings.load import Settings

_log = logging.getLogger(__name__)


def closed(settings: Settings, lists: Lists) -> Closed:
    """Give what is closed beside the policy; the carer is told of categories that no list has."""
    proxy = settings.proxy
    wanted = {category for categories in proxy.blocked_categories.values() for category in categories}
    missing = sorted(wanted - set(lists.names))
    if missing:
        _log.warning("nothing is blocked of %s: %s has no such list", ", ".join(missing), proxy.lists)
    return Closed(
        lists=lists,
        categories={role: frozenset(categories) for role, categories in proxy.blocked_categories.items()},
        always=frozenset(proxy.always),
        exceptions=frozenset(Where(canonical(one.host), one.port) for one in proxy.exceptions),
        source=str(settings.sources["proxy.blocked_categories"]),
    )


def exempt(settings: Settings) -> Exempt:
    """Give the hosts without a limit."""
    proxy = settings.proxy
    return Exempt(read_exempt(proxy.exempt_lists), proxy.exempt, proxy.not_exempt)


def times(settings: Settings) -> Times:
    """Give how long everything may take."""
    proxy = settings.proxy
    return Times(proxy.head_timeout, proxy.idle_timeout, proxy.answer_timeout, proxy.tunnel_timeout)


def rates(settings: Settings) -> Mapping[Action, float]:
    """Give the bytes a second of each direction of the line that is shared."""
    rate = settings.proxy.line_rate
    return {action: bits / 8 for action, bits in ((Action.FETCH, rate.down), (Action.WRITE, rate.up)) if bits}


def own_networks(settings: Settings) -> tuple[Network, ...]:
    """Give the school's networks and this machine's addresses: public ones, too, lead inside."""
    network = settings.network
    rooms = (place for places in network.rooms.values() for place in places)
    found = (literal(one.address.partition("%")[0]) for each in psutil.net_if_addrs().values() for one in each)
    machine = (ip_network(address) for address in found if address is not None)
    own = (*network.networks, *network.device_networks, *network.wlan_networks, *rooms, *machine)
    return tuple(dict.fromkeys(own))
