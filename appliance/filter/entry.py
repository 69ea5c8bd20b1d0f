"""One line of a list, as it goes into the index, and as a look-up names it again.

May live here: the values between readers, index and those who explain. May not: how lists are written, files.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What an entry names: a host and all below it, what is below a place on one host, or a pattern of addresses."""

    DOMAIN = "domain"
    URL = "url"
    EXPRESSION = "expression"


class Entry(NamedTuple):
    """``text`` belongs to ``category``; with ``allow`` it does not, whatever else says so (Adblock's ``@@``).

    ``text`` of a domain: lower case, IDNA, no dot at either end. Of a URL: ``host/path``, the host alike. Of an
    expression: a regular expression of squidGuard's (POSIX, extended), searched in ``host/path``.
    """

    category: str
    kind: Kind
    text: str
    allow: bool = False
