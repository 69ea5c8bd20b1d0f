"""What can be wrong with an entry of a copy, and which of a copy's units are looked at together. Pure.

May live here: comparing two entries, dealing units into slices. May not: reading either side. Both machines judge by
it: the second one what it stores, the school's server what it had back.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

from appliance.backup_server.manifest import Entry

UNSTEADY = "?"


class Fault(StrEnum):
    """One thing that is not as the manifest says; ``section``: that part of the manifest is not as it was signed."""

    MISSING = "missing"
    EXTRA = "extra"
    CONTENT = "content"
    MODE = "mode"
    OWNER = "owner"
    TIME = "time"
    SIZE = "size"
    ATTRS = "attrs"
    TYPE = "type"
    SECTION = "section"


def differences(said: Entry, found: Entry) -> tuple[Fault, ...]:
    """Give in what ``found`` is not as ``said``.

    Another type or size is a fault alone: content that must differ is none on top of it. What did not hold still while
    it was copied has neither content, size nor time that could be compared.
    """
    if said.kind != found.kind:
        return (Fault.TYPE,)
    steady = UNSTEADY not in (said.content, found.content)
    apart = {
        Fault.OWNER: (said.uid, said.gid) != (found.uid, found.gid),
        Fault.MODE: said.mode != found.mode,
        Fault.ATTRS: said.attributes != found.attributes,
        Fault.TIME: steady and said.mtime_ns != found.mtime_ns,
        Fault.SIZE: steady and said.size != found.size,
        Fault.CONTENT: steady and said.size == found.size and said.content != found.content,
    }
    return tuple(fault for fault, there in apart.items() if there)


def slice_of(name: str, of: int) -> int:
    """Give the slice, 0 to ``of`` - 1, of a unit by its ``name`` with its part (``homes/fred.mustermann``).

    It is that of the name, which stays: a section's own hash changes with each night in which somebody works, and what
    changes its slice may never be in the one that is verified.
    """
    return int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16], 16) % of
