"""Lines of what somebody on the internet wrote: bounded in length and number, text and nothing else.

May live here: bytes in, lines out, and the refusal. May not: what a line means (``formats``), where the bytes come from
(``archive``, ``fetch``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol

from appliance.daemon.logs import Told

LONGEST: Final = 8192
"""Bytes that a line may have."""

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SHOWN: Final = 60


class ListRefused(Told):
    """A list is not taken; the text says why, for the carer. It quotes what is public: lines of the list."""


class Readable(Protocol):
    """What bytes are read from."""

    def readline(self, size: int, /) -> bytes:
        """Read up to the next line feed, at most ``size`` bytes."""
        ...


def lines(file: Readable, largest: int) -> Iterator[tuple[int, str]]:
    """Give the number (from 1) and text of each line that says something, without comments of ``#`` as a whole.

    What is no UTF-8 is read with replacement characters, which no domain has. Raises :class:`ListRefused` for a line of
    more than ``LONGEST`` bytes, for bytes that no text has, and for more than ``largest`` bytes.
    """
    number = seen = 0
    while piece := file.readline(LONGEST + 2):
        number += 1
        seen += len(piece)
        if seen > largest:
            raise ListRefused(f"it has more than {largest:,} bytes")
        if len(piece) > LONGEST and len(piece.rstrip(b"\r\n")) > LONGEST:
            raise ListRefused(f"line {number} has more than {LONGEST} bytes")
        if _BINARY.search(piece):
            raise ListRefused(f"line {number} is no text but binary")
        text = piece.decode("utf-8", "replace").strip("\ufeff \t\r\n")
        if text and text[0] != "#":
            yield number, text


def shown(text: str) -> str:
    """``text`` of a list for a message: short, without what could lead a terminal."""
    clean = "".join(one if one.isprintable() else "?" for one in text[: _SHOWN + 1])
    return clean if len(clean) <= _SHOWN else f"{clean[:_SHOWN]}..."
