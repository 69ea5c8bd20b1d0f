"""Bytes as lines that a person can print, read and type: eight of them a line, with a label and a checksum.

May live here: the letters (Crockford's base32: no I, L, O and U; who types O, I or L meant 0 or 1), what a slip of the
fingers looks like. May not: what the bytes are for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from appliance.backup.problem import BackupError

WIDTH: Final = 8
"""Bytes of a line; its checksum has two more."""
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT: Final = {"O": "0", "I": "1", "L": "1"}
_BETWEEN: Final = frozenset(" \t-.")
_CHECK: Final = 2
_COUNT: Final = (WIDTH + _CHECK) * 8 // 5


def lines(block: str, content: bytes) -> dict[str, str]:
    """Give ``content``, a multiple of :data:`WIDTH` bytes, as ``{"K1": "7Q2M 9XKD 4RT0 VBN3", ...}`` for ``K``."""
    labels = [f"{block}{number + 1}" for number in range(len(content) // WIDTH)]
    return {label: _line(label, content[at * WIDTH : (at + 1) * WIDTH]) for at, label in enumerate(labels)}


def content(block: str, count: int, typed: Mapping[str, str]) -> bytes:
    """Give the bytes of ``count`` lines of the ``block``; raises :class:`BackupError` naming the line that is wrong."""
    return b"".join(read(f"{block}{number + 1}", typed.get(f"{block}{number + 1}", "")) for number in range(count))


def read(label: str, typed: str) -> bytes:
    """Give the bytes of the line ``label``; raises :class:`BackupError` (``refused``) saying what is wrong with it.

    Case, blanks and hyphens do not matter. A line of another label is wrong too: the checksum covers the label.
    """
    letters = [_MEANT.get(one, one) for one in typed.upper() if one not in _BETWEEN]
    if not letters:
        raise BackupError("refused", f"line {label} is missing")
    strange = next((one for one in letters if one not in _LETTERS), None)
    if strange is not None:
        hint = "; is it a V?" if strange == "U" else ""
        raise BackupError("refused", f"line {label}: {strange!a} is in no line of a sheet{hint}")
    if len(letters) != _COUNT:
        raise BackupError("refused", f"line {label} has {_COUNT} letters and digits, this one {len(letters)}")
    number = 0
    for one in letters:
        number = number * 32 + _LETTERS.index(one)
    both = number.to_bytes(WIDTH + _CHECK, "big")
    if both[WIDTH:] != _checksum(label, both[:WIDTH]):
        raise BackupError(
            "refused",
            f"line {label} is mistyped; compare each letter (a keyboard of another country takes Y for Z)",
        )
    return both[:WIDTH]


def _line(label: str, part: bytes) -> str:
    number = int.from_bytes(part + _checksum(label, part), "big")
    text = "".join(_LETTERS[number >> shift & 31] for shift in range(5 * (_COUNT - 1), -1, -5))
    return " ".join(text[at : at + 4] for at in range(0, _COUNT, 4))


def _checksum(label: str, part: bytes) -> bytes:
    return hashlib.sha256(label.encode() + b" " + part).digest()[:_CHECK]
