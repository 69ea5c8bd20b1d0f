"""What a request asks for: the authority of a CONNECT, the absolute form of all others (RFC 9112, 3.2).

May live here: reading a target, pure. May not: whether it may be had. The host is read by the policy's own reader, so
that what is decided on is what is connected to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from appliance.daemon.http_head import BadHead
from appliance.policy.targets import host_of

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+)://([^/?#]*+)([^#]*+)")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]{1,254}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Where:
    """A ``host`` (lower case; IPv6 without brackets) and ``port`` to connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def authority_form(target: str) -> Where:
    """Read the target of a CONNECT, ``host:port``; raises :class:`BadHead`."""
    return _where(target, None)


def absolute_form(target: str) -> tuple[Where, str]:
    """Read ``http://host[:port]/path?query`` into where to connect and the path to ask for; raises :class:`BadHead`."""
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        raise BadHead("the target is no URL")
    scheme, authority, path = found.groups()
    if scheme != "http" and scheme.lower() != "http":
        raise BadHead("another scheme than http", 501)
    return _where(authority, 80), path if path.startswith("/") else f"/{path}"


@lru_cache(maxsize=1024)  # of those that are one, so each is short
def _where(authority: str, default: int | None) -> Where:
    found = _AUTHORITY.fullmatch(authority)
    host = host_of(authority)
    if found is None or host is None:
        raise BadHead("the target has no readable host")
    port = default if found[1] is None else int(found[1])
    if port is None or not 0 < port < 65536:
        raise BadHead("the target has no readable port")
    return Where(host, port)
