"""Short codes of refusals, such as ``7KQF-2MXA``: read out on the telephone, typed into ``schoolserver why``.

The alphabet is Crockford's base 32: no I, L, O, U. A code says nothing by
itself; only the audit process knows what it stands for.
"""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})
_BYTES = 5
_LENGTH = 8
_HALF = 4


def new_code(random_bytes: bytes) -> str:
    """Make a code of 40 bits from the first five of ``random_bytes``; fewer raise ``ValueError``."""
    if len(random_bytes) < _BYTES:
        raise ValueError(f"a code needs {_BYTES} random bytes")
    number = int.from_bytes(random_bytes[:_BYTES], "big")
    return _hyphen("".join(_ALPHABET[number >> shift & 31] for shift in range(35, -5, -5)))


def normalise(text: str) -> str:
    """Give the code that somebody meant by ``text``: any case, with or without hyphen, O for 0, I or L for 1.

    Raises ``ValueError`` when it is no code at all.
    """
    letters = text.strip().upper().translate(_MISREAD)
    if len(letters) != _LENGTH or not set(letters) <= set(_ALPHABET):
        raise ValueError("a code has eight letters and digits, such as 7KQF-2MXA")
    return _hyphen(letters)


def _hyphen(letters: str) -> str:
    return f"{letters[:_HALF]}-{letters[_HALF:]}"
