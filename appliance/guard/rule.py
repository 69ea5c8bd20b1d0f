"""Which address must wait, and how long. Pure: Samba's events come in, seconds come out.

An address is held, never an account: whoever hammers his teacher's login delays his own PC, and the teacher signs in
from any other one. Failures of this machine itself are left out: they are our own services', which auth throttles.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any, Final

from appliance.daemon.counts import Counts

_WRONG: Final = frozenset(
    {
        "NT_STATUS_WRONG_PASSWORD",
        "NT_STATUS_NO_SUCH_USER",
        "NT_STATUS_LOGON_FAILURE",
        "NT_STATUS_ACCOUNT_LOCKED_OUT",
    }
)
"""What a guess ends with; whoever knows the password of a closed account guesses nothing."""


def guesser(event: bytes) -> str | None:
    """Give the address (IP as text) of a failed guess; ``None`` for any other event, one of this machine or no event.

    ``event`` is JSON as Samba sends it (its documentation: Logging, ``auth_json_audit``; "Authentication" 1.x).
    """
    try:
        told = json.loads(event)
    except ValueError:
        return None
    found = told.get("Authentication") if isinstance(told, dict) else None
    if not isinstance(found, dict) or found.get("status") not in _WRONG:
        return None
    return _address(found)


def _address(found: Mapping[str, Any]) -> str | None:
    """Read ``ipv4:10.9.0.2:43932`` or ``ipv6:2001:db8::2:43932``; ``unix:`` and this machine's own are none."""
    remote, local = (_ip(found.get(name)) for name in ("remoteAddress", "localAddress"))
    return None if remote is None or remote == local or remote.is_loopback else str(remote).partition("%")[0]


def _ip(text: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not isinstance(text, str):
        return None
    family, _, rest = text.partition(":")
    try:
        ip = ipaddress.ip_address(rest.rpartition(":")[0]) if family in {"ipv4", "ipv6"} else None
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


class Guard:
    """Counts failures by address in ``counts``; instants are seconds of one monotonic clock."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def failed(self, address: str, now: float) -> float:
        """Note a failed guess; for how many seconds the address must wait now (0: not at all)."""
        self._counts.start(address, now)
        self._counts.failed(address, now)
        return self._counts.wait(address, now)
