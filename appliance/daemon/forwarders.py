"""Whom the domain's DNS asks for names outside of it: as the settings say, else whom this machine itself asks.

May live here: reading resolver files. May not: what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

from appliance.daemon.oneself import leads_here

RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))
"""Where the machine says whom it asks, the one that knows best first."""


def forwarders(given: Sequence[str], files: Sequence[Path] = RESOLVERS) -> tuple[str, ...]:
    """Return the addresses of DNS servers: ``given`` ones, or those of the first of ``files`` that names any."""
    if given:
        return tuple(given)
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        if found := tuple(_servers(lines)):
            return found
    return ()


def _servers(lines: Iterable[str]) -> Iterator[str]:
    """Give the servers that are not this machine itself, which would ask in circles."""
    for line in lines:
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver" or "%" in words[1]:  # Samba cannot use a zone (fe80::1%eth0)
            continue
        try:
            ip_address(words[1])
        except ValueError:
            continue
        if not leads_here(words[1]):
            yield words[1]
