"""What the settings mean to the parts of the proxy. Pure, but for the addresses of this machine and the lists' files.

May live here: settings in, values out. May not: what the parts do with them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from ipaddress import ip_network

import psutil

from appliance.filter.index import Index
from appliance.policy.request import Action
from appliance.proxy.addresses import Network, literal
from appliance.proxy.desk import Times
from appliance.proxy.exempt import Exempt, read_exempt
from appliance.proxy.page import Letterhead
from appliance.proxy.target import Where, canonical
from appliance.settings.load import Settings

_log = logging.getLogger(__name__)


def exceptions(settings: Settings) -> frozenset[Where]:
    """Give what may be reached although it is inside or on another port."""
    return frozenset(Where(canonical(one.host), one.port) for one in settings.proxy.exceptions)


def tell_missing(settings: Settings, lists: Index) -> None:
    """Tell the carer of categories that rules ask for and no list has."""
    missing = sorted(settings.web_rules.categories.difference(lists.names))
    if missing:
        _log.warning("no site is in %s: there is no such list", ", ".join(missing))


def exempt(settings: Settings) -> Exempt:
    """Give the hosts without a limit."""
    proxy = settings.proxy
    return Exempt(read_exempt(proxy.exempt_lists), proxy.exempt, proxy.not_exempt)


def letterhead(settings: Settings) -> Letterhead:
    """Give what all pages say."""
    return Letterhead(settings.school.name, settings.web.ask)


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
