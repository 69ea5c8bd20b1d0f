"""In which order a site's addresses are tried: a family that does not work here costs a moment only (RFC 8305).

May live here: the order, pure. May not: which addresses are allowed (``addresses``), connecting.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Final

from appliance.proxy.addresses import Address

DELAY: Final = 0.25
"""Seconds after which the next address is tried beside one that has not answered (RFC 8305, 5 and 8)."""
_MOST = 6


def in_turn(addresses: Sequence[Address]) -> list[Address]:
    """Give the first six of ``addresses``, each once, the families in turn, IPv6 first (RFC 8305, 4).

    Within a family they stay in the order of the DNS.
    """
    if len(addresses) == 1:
        return list(addresses)
    each = list(dict.fromkeys(addresses))
    pairs = zip_longest((one for one in each if one.version == 6), (one for one in each if one.version == 4))
    return [one for one in chain.from_iterable(pairs) if one is not None][:_MOST]
