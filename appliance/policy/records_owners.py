"""How owners of addresses are written as JSON values in a snapshot and read again: from format 4 on.

May live here: one writer and one reader, side by side. May not: the file as a whole (``snapshot``), meanings. The
reader raises as those of ``records`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from appliance.policy.owners import Binding, plain
from appliance.policy.values import array, text


def write_owners(owners: Mapping[str, Binding]) -> dict[str, list[str]]:
    """Give all bindings by address."""
    return {
        address: [binding.login, binding.since.isoformat(), binding.until.isoformat()]
        for address, binding in owners.items()
    }


def read_owners(record: Mapping[str, Any]) -> dict[str, Binding]:
    """Read all bindings; ``ValueError`` for an address that is not written as it is looked for."""
    owners = {}
    for address, binding in record.items():
        if plain(address) is None or str(plain(address)) != address:
            raise ValueError("an address is written in one way only")
        login, since, until = map(text, array(binding))
        owners[address] = Binding(login, datetime.fromisoformat(since), datetime.fromisoformat(until))
    return owners
