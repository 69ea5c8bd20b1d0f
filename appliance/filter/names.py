"""Domains and the beginnings of addresses as lists write them, brought to the form in which hosts are asked about.

May live here: one domain or address at a time, pure. May not: lines (``formats``), which suffixes are public
(``suffixes``). Hosts are lower case, without a final dot, umlauts as browsers send them (UTS 46, not transitional:
``ß`` stays a letter of its own, RFC 5891).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from typing import Final

LONGEST: Final = 253
"""Characters of a domain at the most (RFC 1035, 2.3.4, as text)."""

_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}+(?:\.[a-z0-9_-]{1,63}+)*+")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_PATH = re.compile(r"/[!-~]*")


def domain_of(text: str) -> str | None:
    """Give the domain (or IPv4 address) that ``text`` is, ``None`` if it is none; ``*.`` or a dot may stand before it.

    A domain whose last label is a number but is no address is none: it would cover other addresses.
    """
    domain = text.strip().removeprefix("*").removeprefix(".").removesuffix(".").lower()
    if not domain.isascii():
        found = _punycode(domain)
        if found is None:
            return None
        domain = found
    if len(domain) > LONGEST or not _DOMAIN.fullmatch(domain):
        return None
    if domain[-1].isdigit() and domain.rpartition(".")[2].isdigit() and not _IPV4.fullmatch(domain):
        return None
    return domain


def url_of(text: str) -> str | None:
    """Give ``host/path`` of an address without or with ``http://``; ``None`` where there is no path, or no address."""
    address = text.strip()
    for scheme in ("http://", "https://"):
        if address[: len(scheme)].lower() == scheme:
            address = address[len(scheme) :]
    host, slash, path = address.partition("/")
    domain = domain_of(host.removesuffix(":80").removesuffix(":443"))
    if domain is None or not slash or not path or not _PATH.fullmatch(slash + path):
        return None
    return f"{domain}/{path}"


def covered(host: str, names: Container[str]) -> bool:
    """Whether ``host`` or a domain above it is among ``names``."""
    while host:
        if host in names:
            return True
        host = host.partition(".")[2]
    return False


def domains(lines: Iterable[str]) -> Iterator[str]:
    """Give the domains of a list that is our own: a domain a line; comments and what is no domain are passed over."""
    for line in lines:
        domain = domain_of(line.partition("#")[0])
        if domain:
            yield domain


def _punycode(domain: str) -> str | None:
    labels = unicodedata.normalize("NFKC", domain).lower().replace("。", ".").split(".")
    if not all(one.isascii() or unicodedata.category(one)[0] in "LMN" for label in labels for one in label):
        return None
    try:
        return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode('ascii')}" for one in labels)
    except UnicodeError:
        return None
