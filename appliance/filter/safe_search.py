"""Safe search without looking into TLS (K13): engines and YouTube are connected to at their enforcing host's address.

May live here: reading the table that comes with the package, which host is connected to in place of another. May not:
for whom (``policy.safe_search``), looking up names, connecting. The browser notices nothing: it asks for the host it
wants, in clear and in TLS, and the enforcing host has that one's certificate. Where it does not exist, or cannot be
reached, there is no search at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from appliance.policy.safe_search import Enforced, SearchRule

_FILE = Path(__file__).with_name("safe_search.list")

Table = Mapping[str, Mapping[Enforced, str]]
"""By host (lower case, IDNA): the enforcing host for what is enforced."""


def enforcing_host(table: Table, host: str, rule: SearchRule) -> str | None:
    """Give the host whose address counts for ``host`` (lower case, no final dot) by ``rule``; ``None``: its own."""
    found = table.get(host)
    return None if found is None else next((found[one] for one in rule.enforced if one in found), None)


def read_table(lines: Iterable[str]) -> Table:
    """Read lines of what is enforced, the enforcing host and the hosts; raises ``ValueError`` for any other line."""
    table: dict[str, dict[Enforced, str]] = {}
    for line in lines:
        enforced, *hosts = line.partition("#")[0].split() or [""]
        if not enforced:
            continue
        if len(hosts) < 2:
            raise ValueError("a line without an enforcing host and hosts")
        for host in hosts[1:]:
            known = table.setdefault(host, {})
            if known.setdefault(Enforced(enforced), hosts[0]) != hosts[0]:
                raise ValueError(f"{host} stands there twice")
    return table


def own_table() -> Table:
    """Read the table that comes with the package."""
    with _FILE.open(encoding="ascii") as lines:
        return read_table(lines)
