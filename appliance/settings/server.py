"""``server.yaml``: where the server keeps things, as whom its parts run and how they are watched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.options import option
from appliance.daemon.options_numbers import duration, integer, size
from appliance.daemon.options_values import PATH, choice


@dataclass(frozen=True, slots=True)
class Server:
    """The server: folders, identities, launcher, watch; durations in seconds, ``reserve`` in bytes."""

    state: Path = option(PATH, "/var/lib/schoolserver", "Where each part keeps its own state.", example="/srv/state")
    runtime: Path = option(
        PATH, "/run/schoolserver", "Sockets and policy snapshots; gone after a restart.", example="/run/school"
    )
    data: Path = option(
        PATH, "/srv/schoolserver", "Homes, group folders and mail (K07).", example="/mnt/raid/schoolserver"
    )
    reserve: int = option(
        size(0, 2**50),
        "500 MB",
        "Room that is left free on the disks of state and data: mail, uploads and imports are refused for the moment "
        "rather than go into it. With less than twice as much, status is not well.",
        example="2 GB",
    )
    identity: str = option(
        choice(("users", "numbers", "same")),
        "users",
        "As whom the parts run: users (system users schoolserver-NAME, as the packages make them), "
        "numbers (numeric ids from first_id, without any user on the machine: a demo started as root), "
        "same (all as the caller: a demo of an ordinary user).",
        example="numbers",
    )
    first_id: int = option(
        integer(1000, 4_000_000_000), 60800, "First of 32 numeric ids; used with identity numbers only.", example=61000
    )
    launcher: str = option(
        choice(("systemd", "children")),
        "systemd",
        "Who starts the parts and restarts what crashed: systemd, or the supervisor itself (children: demo).",
        example="children",
    )
    watchdog: float = option(
        duration(2, 600), "20 s", "A part that gives no sign of life for so long is restarted.", example="30 s"
    )
    probe_interval: float = option(
        duration(0.5, 3600),
        "5 s",
        "How often a hidden account signs in to each service and moves bytes.",
        example="10 s",
    )
    audit_log: str = option(
        choice(("none", "plain")),
        "none",
        "Log of use (K14): none, or plain (readable lines, for a demo without real persons only).",
        example="plain",
    )
