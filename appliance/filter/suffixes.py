"""Public suffixes, below which anybody registers domains: ``de``, ``co.uk``. A list that closes one closes a country.

May live here: the rules of https://publicsuffix.org/list (Debian's copy; those of registries, not of firms such as
``github.io``) and asking them. May not: what is done with a list that names one (``formats``).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from appliance.daemon.logs import Told
from appliance.filter.names import domain_of

FILE: Final = Path("/usr/share/publicsuffix/public_suffix_list.dat")
"""Of the package publicsuffix."""

_END = "===END ICANN DOMAINS==="


class Suffixes:
    """The rules in ``lines`` (format: https://github.com/publicsuffix/list/wiki/Format)."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._plain: set[str] = set()
        self._below: set[str] = set()
        self._not: set[str] = set()
        for line in lines:
            if _END in line:
                break
            rule = line.strip().split(" ")[0]
            if rule and not rule.startswith("//"):
                self._add(rule)

    def has(self, domain: str) -> bool:
        """Whether ``domain`` (lower case, IDNA) is one; every single label is, known or not."""
        above = domain.partition(".")[2]
        if not above or domain in self._plain:
            return True
        return above in self._below and domain not in self._not

    def _add(self, rule: str) -> None:
        domain = domain_of(rule.lstrip("!"))
        if domain is None:
            return
        (self._not if rule[0] == "!" else self._below if rule.startswith("*.") else self._plain).add(domain)


@cache
def public_suffixes(path: Path = FILE) -> Suffixes:
    """Read Debian's copy; raises :class:`Told` where it is missing."""
    try:
        with path.open(encoding="utf-8") as lines:
            return Suffixes(lines)
    except OSError as error:
        raise Told(f"{path} cannot be read ({error.strerror}); the package publicsuffix has it") from error
