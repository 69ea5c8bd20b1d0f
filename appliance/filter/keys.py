"""How names become numbers: a keyed hash with a proof, and what of a host or an address is hashed.

May live here: the key, its making, suffixes of hosts and beginnings of addresses. May not: tables, files.

A text, read as one number, is multiplied by a secret factor and divided by a secret prime; the remainder is its hash.
Two different texts of up to 253 characters have the same one only if the prime divides their difference, which has
fewer than 36 such divisors, while the prime was drawn from more than 10^14: who does not know it cannot make texts
meet. It costs a third of what the fastest keyed hash of the standard library costs for names.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

WIDTH: Final = 60
"""Bits of a hash."""
DEEPEST: Final = 32
"""So many steps of an address are looked at; of a longer one on a list, this beginning counts."""
_LONGEST: Final = 2048
_STEPS: Final = b"/?&;#"
_WITNESSES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


class Key(NamedTuple):
    """The secret: ``prime`` of :data:`WIDTH` bits, ``factor`` below it."""

    factor: int
    prime: int

    def hash(self, text: bytes) -> int:
        """Give the hash of ``text``, :data:`WIDTH` bits."""
        return int.from_bytes(text, "big") * self.factor % self.prime


def new_key() -> Key:
    """Draw a key; no two builds share one."""
    spread = 1 << WIDTH - 5
    while True:
        prime = (1 << WIDTH) - 1 - 2 * secrets.randbelow(spread // 2)
        if is_prime(prime):
            return Key(1 + secrets.randbelow(prime - 1), prime)


def is_prime(number: int) -> bool:
    """Whether an odd ``number`` below 2^64 is prime (Miller and Rabin; these witnesses leave no doubt up to there)."""
    if number in _WITNESSES:
        return True
    if number < 2 or any(number % one == 0 for one in _WITNESSES):
        return False
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    return all(_passes(pow(one, odd, number), twos, number) for one in _WITNESSES)


def _passes(power: int, twos: int, number: int) -> bool:
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


def root(host: str) -> str:
    """Give the last two labels of ``host``: all that is listed below them hangs there."""
    return host[host.rfind(".", 0, host.rfind(".")) + 1 :]


def address(host: str, path: str) -> bytes:
    """Give an address in the one form in which lists and requests meet; begins with the host's :func:`site`.

    As squidGuard has it there is no ``www.`` and no upper case; also escapes are resolved (an escaped question mark
    begins no query), and slashes that repeat or are backslashes, and dots that mean the folder itself or the one above.
    Only what is left is cut to its longest: else what means nothing could push the rest out of sight.
    """
    plain, mark, query = path.encode(errors="surrogateescape").partition(b"?")
    parts: list[bytes] = []
    for part in unquote_to_bytes(plain).lower().replace(b"\\", b"/").split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return site(host) + (b"/".join(parts) + (mark + unquote_to_bytes(query).lower() if query else b""))[:_LONGEST]


def site(host: str) -> bytes:
    """Give what the addresses of ``host`` begin with."""
    first, _, rest = host.partition(".")
    named = first.rstrip("0123456789") in ("www", "web", "ftp") and "." in rest
    return (rest if named else host).encode(errors="surrogateescape") + b"/"


def beginnings(text: bytes) -> Iterator[bytes]:
    """Give all of an :func:`address` that may be listed and covers it, the host itself apart, the shortest first."""
    at = text.index(b"/") + 1
    if at == len(text):
        return
    steps = 0
    for end in range(at + 1, len(text)):
        if text[end] in _STEPS:
            yield text[:end]
            steps += 1
            if steps == DEEPEST:
                return
    yield text


def shortened(text: bytes) -> bytes:
    """Give the :func:`address` or, when it has too many steps, its beginning that is looked at."""
    *_, last = (text[: text.index(b"/") + 1], *beginnings(text))
    return last
