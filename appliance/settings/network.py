"""``network.yaml``: where services listen and which networks rooms and devices have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from appliance.daemon.options import Option, option
from appliance.daemon.options_collections import ListOf, MappingOf
from appliance.daemon.options_network import ADDRESS, NETWORK, Address, Network
from appliance.daemon.options_table import Table
from appliance.daemon.options_values import text

ROOM = text(r"[\w][\w .-]{0,39}", "a room's name of at most 40 letters, digits, spaces, dots and dashes")
_LISTENERS = (
    Option("submission", ADDRESS, "0.0.0.0:587", "Mail programs hand in mail (STARTTLS).", example="127.0.0.1:2587"),
    Option(
        "submissions", ADDRESS, "0.0.0.0:465", "Mail programs hand in mail (TLS at once).", example="127.0.0.1:2465"
    ),
    Option("smtp", ADDRESS, "0.0.0.0:25", "Devices of the school hand in mail.", example="127.0.0.1:2525"),
    Option("imap", ADDRESS, "0.0.0.0:143", "Mail programs read mail (STARTTLS).", example="127.0.0.1:2143"),
    Option("imaps", ADDRESS, "0.0.0.0:993", "Mail programs read mail (TLS at once).", example="127.0.0.1:2993"),
    Option(
        "http", ADDRESS, "0.0.0.0:80", "Mail programs and browsers ask how they are set up.", example="127.0.0.1:2080"
    ),
    Option("https", ADDRESS, "0.0.0.0:443", "The same over TLS, for people too.", example="127.0.0.1:2443"),
    Option("ftp", ADDRESS, "0.0.0.0:21", "File programs (FTP with TLS).", example="127.0.0.1:2121"),
    Option("ftps", ADDRESS, "0.0.0.0:990", "File programs that begin with TLS at once.", example="127.0.0.1:2990"),
    Option("ldap", ADDRESS, "127.0.0.1:389", "The directory, for programs on this machine.", example="127.0.0.1:2389"),
    Option("proxy", ADDRESS, "127.0.0.1:3128", "The proxy in clear, for this machine.", example="127.0.0.1:2128"),
    Option("proxy-tls", ADDRESS, "0.0.0.0:3129", "The proxy over TLS, for all others.", example="127.0.0.1:2129"),
    Option("transparent-http", ADDRESS, "0.0.0.0:3130", "Where the WLAN's HTTP is led to.", example="[::]:3130"),
    Option("transparent-tls", ADDRESS, "0.0.0.0:3131", "Where the WLAN's HTTPS is led to.", example="[::]:3131"),
    Option("dns", ADDRESS, "0.0.0.0:3153", "Where the WLAN's questions for names are led to.", example="[::]:3153"),
)


def _frozen(**values: object) -> Mapping[str, object]:
    return MappingProxyType(values)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """``listen``: service to address; ``networks``: the school's own; ``rooms``: name of a room to its networks.

    ``wlan_networks`` are taken transparently; ``wlan_interfaces`` are names of the cards that lead to them.
    """

    listen: Mapping[str, Address] = option(
        Table(_LISTENERS, _frozen), {}, "Address and port on which each service listens; 0.0.0.0 is every address."
    )
    networks: tuple[Network, ...] = option(
        ListOf(NETWORK),
        [],
        "The school's networks. The local authority may sign for addresses in them; rooms lie in them.",
        example=["10.1.0.0/16", "fd12:3456:789a::/48"],
    )
    device_networks: tuple[Network, ...] = option(
        ListOf(NETWORK),
        [],
        "Networks in which only devices are, such as printers and panels, and no PC: where somebody could take an "
        "address of his own, he could hand in mail as a device does (mail.yaml: devices).",
        example=["10.1.30.0/24"],
    )
    wlan_networks: tuple[Network, ...] = option(
        ListOf(NETWORK),
        [],
        "Networks of phones and notebooks that nobody sets up: their way to the internet is taken by the name of the "
        "site, without a proxy in their settings, and all other ways are closed. None: there is no such way in. What "
        "is named first, or no longer at all, counts after schoolserver setup.",
        example=["10.1.64.0/18", "fd12:3456:789a:64::/64"],
    )
    wlan_interfaces: tuple[str, ...] = option(
        ListOf(text(r"[A-Za-z0-9_.-]{1,15}", "a network card's name")),
        [],
        "Network cards behind which these networks are and nothing else: what comes in there from another address, or "
        "elsewhere from theirs, is dropped. None: only addresses count.",
        example=["eth1"],
    )
    rooms: Mapping[str, tuple[Network, ...]] = option(
        MappingOf(ROOM, ListOf(NETWORK, fewest=1)),
        {},
        "Rooms and the networks of their PCs, for access rules by room.",
        example={"12": ["10.1.12.0/24"], "library": ["10.1.20.0/25", "10.1.21.7"]},
    )
