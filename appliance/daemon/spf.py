"""Whether a domain says that a host may send for it (SPF, RFC 7208), for an address that is known beforehand. Pure.

May live here: records and what they allow. May not: DNS itself (``lookup`` is handed in). Macros, ``exists`` and
``ptr`` are left out: a school's record has none, and what uses them is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Lookup = Callable[[str, str], Sequence[str]]
"""Gives the records of a name and a type (``TXT``, ``A``, ``AAAA``, ``MX``: names of hosts), or none."""

_MOST: Final = 10
_RESULTS: Final = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class NotJudged(Exception):
    """A record cannot be judged; the text says why, for the carer."""


def record_of(domain: str, lookup: Lookup) -> str | None:
    """Give the SPF record of ``domain``, if it has one. Raise :class:`NotJudged` when it has several."""
    found = [text for text in lookup(domain, "TXT") if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if len(found) > 1:
        raise NotJudged(f"{domain} has {len(found)} SPF records; there must be one")
    return found[0] if found else None


def allows(domain: str, address: str, lookup: Lookup) -> str:
    """Give ``pass``, ``fail``, ``softfail``, ``neutral`` or ``none`` for ``address``. Raise :class:`NotJudged`."""
    return _Judge(ip_address(address), lookup).judge(domain)


class _Judge:
    def __init__(self, address: IPv4Address | IPv6Address, lookup: Lookup) -> None:
        self._address = address
        self._lookup = lookup
        self._asked = 0

    def judge(self, domain: str) -> str:
        record = record_of(domain, self._lookup)
        if record is None:
            return "none"
        redirect = None
        for term in record.split()[1:]:
            name, equals, value = term.partition("=")
            if equals and ":" not in name and "/" not in name:
                redirect = value if name.lower() == "redirect" else redirect
                continue
            sign = term[0] if term[0] in _RESULTS else ""
            if self._matches(term[len(sign) :], domain):
                return _RESULTS[sign or "+"]
        if redirect is None:
            return "neutral"
        self._count()
        return self.judge(redirect)

    def _matches(self, mechanism: str, domain: str) -> bool:
        name, _, value = mechanism.partition(":")
        name, slash, bits = name.partition("/")
        if value:
            value, slash, bits = value.partition("/")
        kind = name.lower()
        if kind == "all":
            return True
        if kind in {"ip4", "ip6"}:
            return self._inside(f"{value}{slash}{bits}")
        if "%" in value or kind not in {"include", "a", "mx"}:
            raise NotJudged(f"the record of {domain} has {kind}, which is not judged here")
        self._count()
        if kind == "include":
            return self.judge(value) == "pass"
        hosts = [value or domain] if kind == "a" else list(self._lookup(value or domain, "MX"))[:_MOST]
        family = "A" if self._address.version == 4 else "AAAA"
        length = _length(bits, self._address.version)
        return any(self._inside(f"{found}/{length}") for host in hosts for found in self._lookup(host, family))

    def _inside(self, text: str) -> bool:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise NotJudged("the record has a network that is none") from None
        return network.version == self._address.version and self._address in network

    def _count(self) -> None:
        self._asked += 1
        if self._asked > _MOST:
            raise NotJudged(f"the record needs more than {_MOST} further questions, which receivers do not ask")


def _length(bits: str, version: int) -> str:
    """Give the length of ``a/24//64`` that is meant for addresses of ``version``."""
    four, _, six = f"/{bits}".partition("//")
    return (four[1:] or "32") if version == 4 else (six or "128")
