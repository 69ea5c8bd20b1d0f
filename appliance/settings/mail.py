"""``mail.yaml``: the mail service; who may use it and how large a file may be stands in ``access.yaml``."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_numbers import duration, integer, size


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail; durations in seconds, sizes in bytes, ``line_length`` in bytes without the line's end (RFC 5321 4.5.3)."""

    workers: int = option(
        integer(1, 64), 1, "Processes that take in mail; one per core at the most.", unit="processes", example=2
    )
    idle_timeout: float = option(
        duration(1, 3600), "5 min", "A mail program that says nothing for so long is disconnected.", example="2 min"
    )
    connections: int = option(
        integer(1, 100_000), 500, "Connections that one process serves at once.", unit="connections", example=1000
    )
    connections_per_address: int = option(
        integer(1, 100_000), 30, "Of these, from one address.", unit="connections", example=100
    )
    commands_max: int = option(
        integer(10, 1_000_000), 1000, "Commands in one connection.", unit="commands", example=5000
    )
    sign_ins_max: int = option(
        integer(1, 100), 5, "Attempts to sign in within one connection.", unit="attempts", example=3
    )
    recipients_max: int = option(
        integer(1, 10_000), 100, "Recipients of one message (K09: no mass mail).", unit="recipients", example=40
    )
    line_length: int = option(integer(998, 65_536), 998, "Longest line of a message.", unit="bytes", example=4096)
    message_overhead: int = option(
        size(1024, 2**30),
        "256 KiB",
        "What a message may weigh beyond its largest allowed attachment: head and text.",
        example="1 MiB",
    )
