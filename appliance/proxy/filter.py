"""Category lists in the format of squidGuard and UT1: ``folder/<category>/domains``, a domain a line (K13).

May live here: reading such lists, and which categories a host is in. May not: to whom a category is closed. A domain
means all below it too. All lists share one table; each host costs as many look-ups as it has labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from appliance.daemon.logs import Told

_CATEGORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_LONGEST = 253


class Lists:
    """Which domains belong to which categories."""

    def __init__(self, categories: Mapping[str, Iterable[str]]) -> None:
        self.names = tuple(sorted(categories))
        self._sets: dict[int, frozenset[str]] = {0: frozenset()}
        self._table: dict[str, int] = {}
        for number, name in enumerate(self.names):
            for domain in categories[name]:
                self._table[domain] = self._table.get(domain, 0) | 1 << number

    def __len__(self) -> int:
        """How many domains there are."""
        return len(self._table)

    def of(self, host: str) -> frozenset[str]:
        """Give the categories of ``host`` (lower case, IDNA), by itself or by a domain above it."""
        bits = 0
        while host:
            bits |= self._table.get(host, 0)
            host = host.partition(".")[2]
        if bits not in self._sets:
            self._sets[bits] = frozenset(name for number, name in enumerate(self.names) if bits >> number & 1)
        return self._sets[bits]


def read_lists(folder: Path) -> Lists:
    """Read all lists below ``folder``; one that is not there has none. Raises :class:`Told` for what is unreadable."""
    categories = {}
    try:
        for path in sorted(folder.iterdir()) if folder.exists() else []:
            if _CATEGORY.fullmatch(path.name) and (path / "domains").is_file():
                with (path / "domains").open(encoding="utf-8", errors="replace") as lines:
                    categories[path.name] = list(domains(lines))
    except OSError as error:
        raise Told(f"{error.filename or folder}: {error.strerror}") from error
    return Lists(categories)


def domains(lines: Iterable[str]) -> Iterator[str]:
    """Give the domains of a list: lower case, IDNA; comments, empty lines and what is no domain are passed over."""
    for line in lines:
        domain = line.partition("#")[0].strip().strip(".").lower()
        if not domain.isascii():
            try:
                domain = domain.encode("idna").decode("ascii")
            except UnicodeError:
                continue
        if len(domain) <= _LONGEST and _DOMAIN.fullmatch(domain):
            yield domain


def covered(host: str, names: frozenset[str]) -> bool:
    """Whether ``host`` or a domain above it is among ``names``."""
    while host:
        if host in names:
            return True
        host = host.partition(".")[2]
    return False
