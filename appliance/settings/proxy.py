"""``proxy.yaml``: the filtered way to the internet; who may use it and how much stands in ``access.yaml``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf, Maybe
from appliance.daemon.options_network import NETWORK_PORT, NetworkPort
from appliance.daemon.options_numbers import duration, integer, rate
from appliance.daemon.options_table import table
from appliance.daemon.options_values import Scalar, choice
from appliance.policy.targets import host_of
from appliance.settings.web import SITE


@dataclass(frozen=True, slots=True)
class Destination:
    """A ``host`` (name or address, lower case, IPv6 without brackets) and a ``port``."""

    host: str
    port: int


def _destination(value: str) -> Destination:
    host, found = host_of(value), re.fullmatch(r".*:([1-9][0-9]{0,4})", value, re.ASCII)
    if host is None or found is None or int(found[1]) > 65535 or "/" in value:
        raise ValueError
    return Destination(host, int(found[1]))


DESTINATION = Scalar("host:port", "a name or address and a port, such as intranet.example:8443", _destination)
_RATE = Maybe(rate(10**6, 10**12))
EXEMPT_LISTS = ("updates", "learning", "video", "youtube")
"""The lists of exempt hosts that come with the package."""


@dataclass(frozen=True, slots=True)
class LineRate:
    """What the school's line carries each way, in bits per second; ``None``: it is not shared out."""

    down: int | None = option(_RATE, None, "From the internet, as much as really arrives.", example="100 Mbit/s")
    up: int | None = option(_RATE, None, "To the internet.", example="40 Mbit/s")


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy; durations in seconds. host names in lower case."""

    workers: int = option(
        integer(1, 64), 1, "Processes that serve browsers; one per core at the most.", unit="processes", example=2
    )
    exceptions: tuple[Destination, ...] = option(
        ListOf(DESTINATION),
        [],
        "What may be reached although it lies inside the school or on another port than 80 and 443.",
        example=["intranet.schule.example:8443", "10.1.0.7:80"],
    )
    unnamed: tuple[NetworkPort, ...] = option(
        ListOf(NETWORK_PORT),
        [],
        "Where the WLAN (network.yaml: wlan_networks) may go without saying a name, or with the name encrypted: any "
        "site there is open to it, and no list knows which. Ports other than 80 and 443 are let through to there only.",
        example=["17.0.0.0/8:443", "17.0.0.0/8:5223", "[2620:149::/32]:443"],
    )
    remember: float = option(
        duration(0, 3600),
        "5 min",
        "For so long a sign-in is remembered before the password is checked again; a changed one ends it at once.",
        example="1 min",
    )
    connect_timeout: float = option(
        duration(0.5, 300), "15 s", "A site must take a connection within so long.", example="5 s"
    )
    answer_timeout: float = option(
        duration(1, 3600), "2 min", "A transfer in which nothing moves for so long is ended.", example="1 min"
    )
    head_timeout: float = option(
        duration(0.5, 300), "20 s", "A browser must send the head of its request within so long.", example="10 s"
    )
    idle_timeout: float = option(
        duration(0.5, 3600), "1 min", "A browser's connection without a request is kept for so long.", example="30 s"
    )
    tunnel_timeout: float = option(
        duration(1, 86400), "10 min", "A tunnel (HTTPS) in which nothing moves for so long is ended.", example="5 min"
    )
    tunnel_window: float = option(
        duration(10, 86400),
        "10 min",
        "What an account moves to and from one host in tunnels (HTTPS) within so long counts together (K12).",
        example="30 min",
    )
    exempt_lists: tuple[str, ...] = option(
        ListOf(choice(EXEMPT_LISTS)),
        ["updates", "learning", "video"],
        "Hosts whose tunnels have no limit, by lists that come with the package: updates of systems and programs, "
        "sites for learning, films of public broadcasters. YouTube is a list of its own: it has not lessons only.",
        example=["updates", "learning", "video", "youtube"],
    )
    exempt: tuple[str, ...] = option(
        ListOf(SITE), [], "More domains without a limit, with all below them.", example=["moodle.school.example"]
    )
    not_exempt: tuple[str, ...] = option(
        ListOf(SITE),
        [],
        "Domains of the lists that have the limit after all, with all below them.",
        example=["arte.tv"],
    )
    line_rate: LineRate = option(
        table(LineRate),
        {},
        "What the school's line carries. When it is set, everybody gets the same part of it when many want much, "
        "however many connections he has.",
    )
    connections: int = option(
        integer(1, 100_000), 10_000, "Connections that one process serves at once.", unit="connections", example=2000
    )
    connections_per_address: int = option(
        integer(1, 100_000), 500, "Of these, from one address.", unit="connections", example=200
    )
