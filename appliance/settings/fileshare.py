"""``fileshare.yaml``: the file service; who may use it and how large a file may be stands in ``access.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from appliance.daemon.options import option
from appliance.daemon.options_collections import Maybe
from appliance.daemon.options_numbers import duration, integer
from appliance.daemon.options_values import Scalar, choice


class SessionReuse(StrEnum):
    """Whether the connection of a file has to go on with the TLS session of the one that asked for it."""

    ALLOWED = "allowed"
    REQUIRED = "required"


def _ipv4(value: str) -> str:
    return str(IPv4Address(value))


_IPV4: Scalar[str] = Scalar("IPv4 address", "an IPv4 address such as 203.0.113.7", _ipv4)


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
    passive_address: str | None = option(
        Maybe(_IPV4),
        None,
        "Address to which programs outside of the school's networks (network.yaml) are sent for their files: that of "
        "the router, which passes these ports on to this server. Programs that use EPSV need none.",
        example="203.0.113.7",
    )
    session_reuse: SessionReuse = option(
        choice(SessionReuse),
        "allowed",
        "With required, files travel only over connections that go on with a TLS session of the control connection, "
        "as FileZilla, WinSCP, lftp and curl do; simple programs cannot.",
        example="required",
    )
    idle_timeout: float = option(
        duration(5, 3600), "5 min", "A file program that says nothing for so long is disconnected.", example="15 min"
    )
    connections: int = option(
        integer(1, 100_000), 500, "Connections that one process serves at once.", unit="connections", example=1000
    )
    connections_per_address: int = option(
        integer(1, 100_000),
        50,
        "Of these, from one address on both ports together; over SMB, all it has.",
        unit="connections",
        example=200,
    )
    sessions_per_person: int = option(
        integer(1, 10_000),
        20,
        "Of these, of one person who has signed in; over SMB, all that one person has.",
        unit="connections",
        example=50,
    )
    keep_aside: float = option(
        duration(86_400),
        "90 days",
        "How long folder and mailbox of an account, or the folder of a group, that is gone from the directory are kept "
        "aside before they are deleted; see: schoolserver folders list.",
        example="365 days",
    )
    shadow_copies: float | None = option(
        Maybe(duration(86_400, 366 * 86_400)),
        "14 days",
        "How far back former versions of files are shown on drives over SMB (Windows: Previous versions), if the data "
        "lie on btrfs; with null there are none. What is deleted takes up space on the disk for so long.",
        example="30 days",
    )
    sign_ins_max: int = option(
        integer(1, 100), 5, "Attempts to sign in within one connection.", unit="attempts", example=3
    )
