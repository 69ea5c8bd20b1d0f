"""The short name by which Windows before 2000, SMB and Linux PCs know an account or group (AD: sAMAccountName). Pure.

A name of at most 20 characters (a group: 64) that AD takes is its own short name. Any other keeps its beginning, then a
dash and four characters of a hash over all of it: ``maximilian.mustermann-schmidt`` is ``maximilian.must-e4c5``. It
depends on the name alone, so that it is the same in every directory and after every move, and two brothers' differ. Two
names may still meet, once in 900,000: the second account is then refused, and its login has to be another.
"""

from __future__ import annotations

import hashlib
from typing import Final

ACCOUNT, GROUP = 20, 64
"""How many characters a short name has at the most ([MS-SAMR] 3.1.1.8.4 for accounts)."""

_FORBIDDEN: Final = frozenset('"/\\[]:;|=,+*?<>@') | {chr(code) for code in range(32)}
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none looks like another
_MARK: Final = 4


def short_name(name: str, longest: int = ACCOUNT) -> str:
    """Return the short name of ``name``; case makes no difference to whether two are the same."""
    plain = "".join(char for char in name if char not in _FORBIDDEN).strip(". ")
    if plain == name and len(name) <= longest:
        return name
    number = int.from_bytes(hashlib.sha256(name.casefold().encode()).digest()[:8], "big")
    mark = ""
    for _ in range(_MARK):
        number, place = divmod(number, len(_LETTERS))
        mark += _LETTERS[place]
    return f"{plain[: longest - _MARK - 1].rstrip('.- ')}-{mark}"
