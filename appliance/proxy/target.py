"""What a request asks for: the authority of a CONNECT, the absolute form of all others (RFC 9112, 3.2).

May live here: reading a target, pure. May not: whether it may be had. The host is read by the policy's own reader, so
that what is decided on is what is connected to.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from appliance.daemon.http_head import BadHead, RequestHead
from appliance.policy.targets import host_of
from appliance.proxy.addresses import literal

_HTTP: Final = 80
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+)://([^/?#]*+)([^#]*+)")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]{1,254}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")


class Where(NamedTuple):
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
    return _where(authority, _HTTP), path if path.startswith("/") else f"/{path}"


def asked_of_a_proxy(head: RequestHead) -> tuple[Where, str]:
    """Read where a request to a proxy is to go, and the path, which CONNECT has not; raises :class:`BadHead`."""
    return (authority_form(head.target), "") if head.method == "CONNECT" else absolute_form(head.target)


def origin_form(head: RequestHead) -> tuple[Where, str]:
    """Read path and Host of a request that was on its way to the site itself; raises :class:`BadHead`.

    Whoever sends the absolute form or CONNECT there takes us for something else. Without Host nobody knows where to,
    and one that names another port than that of HTTP is not where the connection was on its way to.
    """
    hosts = head.near.get("host", ())
    if not head.target.startswith("/") or head.method == "CONNECT":
        raise BadHead("no path")
    if len(hosts) != 1:
        raise BadHead("there must be one Host")
    where = _where(hosts[0], _HTTP)
    if where.port != _HTTP:
        raise BadHead("the Host has another port")
    return where, head.target.partition("#")[0]


def canonical(host: str) -> str:
    """Give the one way to write ``host``: an IPv6 address has thousands, and what counts for it counts for all."""
    return host if ":" not in host else str(literal(host) or host)


def resource(where: Where, path: str) -> str:
    """Name what ``path`` (with or without a query) stands for at ``where``: the same for all its usual spellings.

    Sites read ``/a/%62``, ``//a/./b``, ``/A/B``, ``/a/b;x=1`` and ``/a/b?x=1`` as ``/a/b``, or may do so.
    """
    kept: list[str] = []
    for part in unquote(path.partition("?")[0], "latin-1").replace("\\", "/").split("/"):
        name = part.partition(";")[0]
        if name == "..":
            del kept[-1:]
        elif name not in {"", "."}:
            kept.append(name.casefold())
    return f"http://{where}/{'/'.join(kept)}"


@lru_cache(maxsize=1024)  # of those that are one, so each is short
def _where(authority: str, default: int | None) -> Where:
    found = _AUTHORITY.fullmatch(authority)
    host = host_of(authority)
    if found is None or host is None:
        raise BadHead("the target has no readable host")
    port = default if found[1] is None else int(found[1])
    if port is None or not 0 < port < 65536:
        raise BadHead("the target has no readable port")
    return Where(canonical(host), port)
