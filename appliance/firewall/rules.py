"""What the settings mean for the WLAN. Pure.

May live here: which ports of the server are open to phones and notebooks. May not: the text of rules (``render``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.firewall.render import Wlan
from appliance.settings.mail_offers import is_inside

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_OFFERED: Final = (
    *("submission", "submissions", "imap", "imaps", "http", "https", "ftp", "ftps"),
    "proxy-tls",
)
"""Listeners for people: not those for devices (25), for this machine, or behind a redirection."""
_DRIVES: Final = 445
_TIME: Final = 123


def wlan_of(settings: Settings) -> Wlan:
    """Return what the firewall goes by.

    Of a domain, phones and notebooks get drives and time; log-on, LDAP and RPC are for its PCs, which are elsewhere.
    """
    network, files, domain = settings.network, settings.fileshare, settings.directory.kind == "domain"
    ports = [network.listen[name].port for name in _OFFERED if not is_inside(settings, name)]
    rooms = (place for places in network.rooms.values() for place in places)
    return Wlan(
        networks=network.wlan_networks,
        cards=network.wlan_interfaces,
        school=(*network.networks, *network.device_networks, *rooms),
        http=network.listen["transparent-http"].port,
        tls=network.listen["transparent-tls"].port,
        dns=network.listen["dns"].port,
        unnamed=settings.proxy.unnamed,
        tcp=(
            *((port, port) for port in (*ports, *((_DRIVES,) if domain else ()))),
            (files.passive_first, files.passive_last),
        ),
        udp=((_TIME, _TIME),) if domain else (),
    )
