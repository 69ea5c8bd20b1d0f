"""Hosts whose tunnels may carry more than the limit: updates, lessons, films of public broadcasters (K12, decision 26).

May live here: reading the lists that come with the package, and which hosts they cover. May not: limits, counting. Each
list is a file in ``exempt_hosts``: ``domain  # what it is``, and a domain means all below it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from appliance.filter.names import covered, domains

_FOLDER = Path(__file__).with_name("exempt_hosts")


class Exempt:
    """The exempt hosts: those of ``lists``, without those of ``without``, and the school's ``own``.

    Of ``own`` and ``without`` the domain that is closest to a host counts: ``without: example.org`` and
    ``own: films.example.org`` exempt the films.
    """

    def __init__(self, lists: Iterable[str], own: Iterable[str] = (), without: Iterable[str] = ()) -> None:
        taken_out = frozenset(without)
        self._known = {domain: True for domain in lists if not covered(domain, taken_out)}
        self._known.update(dict.fromkeys(own, True))
        self._known.update(dict.fromkeys(taken_out, False))

    def covers(self, host: str) -> bool:
        """Whether ``host`` (lower case, IDNA, no final dot) is exempt."""
        known = self._known
        while host:
            found = known.get(host)
            if found is not None:
                return found
            host = host.partition(".")[2]
        return False


def read_exempt(kinds: Iterable[str]) -> list[str]:
    """Give the domains of the lists of ``kinds``, such as ``updates``; a kind without a file is an ``OSError``."""
    found: list[str] = []
    for kind in kinds:
        with (_FOLDER / f"{kind}.list").open(encoding="ascii") as lines:
            found += domains(lines)
    return found
