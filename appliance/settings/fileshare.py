"""``fileshare.yaml``: the file service; who may use it and how large a file may be stands in ``access.yaml``."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_numbers import duration, integer


@dataclass(frozen=True, slots=True)
class Fileshare:
    """Files over FTP; durations in seconds."""

    workers: int = option(
        integer(1, 64),
        2,
        "Processes that serve files; a slow disk stops one of them only.",
        unit="processes",
        example=4,
    )
    passive_first: int = option(
        integer(1024, 65_535),
        29_000,
        "First of the ports on which files travel (passive mode).",
        unit="port",
        example=50_000,
    )
    passive_last: int = option(
        integer(1024, 65_535),
        29_999,
        "Last of these ports; a firewall must let them through.",
        unit="port",
        example=50_999,
    )
    idle_timeout: float = option(
        duration(5, 3600), "5 min", "A file program that says nothing for so long is disconnected.", example="15 min"
    )
    connections: int = option(
        integer(1, 100_000), 500, "Connections that one process serves at once.", unit="connections", example=1000
    )
    connections_per_address: int = option(
        integer(1, 100_000), 50, "Of these, from one address.", unit="connections", example=200
    )
    sign_ins_max: int = option(
        integer(1, 100), 5, "Attempts to sign in within one connection.", unit="attempts", example=3
    )
