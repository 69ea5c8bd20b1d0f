"""A mail address as text, read in one way only or not at all.

May live here: reading an address. May not: whose it is (``reach``), what stands around it in a message. Lower case is
taken of ASCII only: a letter that merely looks the same never becomes the same.
"""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}\Z")
_LOCAL = re.compile(r"[^.@]+(?:\.[^.@]+)*\Z")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def split(address: str) -> tuple[str, str] | None:
    """Give (local part, domain) of ``address`` in lower case; ``None`` when it is no plain ASCII address."""
    if not _ADDRESS.match(address):
        return None
    local, _, domain = address.lower().rpartition("@")
    return local, domain.removesuffix(".")


def is_outside(address: str) -> bool:
    """Say whether mail to ``address`` can be handed to a server outside: a plain one of a domain with a dot."""
    parts = split(address)
    return parts is not None and _LOCAL.match(parts[0]) is not None and _DOMAIN.match(parts[1]) is not None
