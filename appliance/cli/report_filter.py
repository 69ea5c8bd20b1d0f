"""Taking persons out of texts that leave the school. Pure: texts and names in, texts out.

May live here: what counts as a person's. May not: where names and texts come from. The journal holds none in the first
place; this is the second lock on that door, and it rather takes a word too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from unidecode import unidecode

_PERSON, _ADDRESS, _IP = "(person)", "(address)", "(ip)"
_MAIL = re.compile(r"[^\s<>\"'(),;:=@\[\]{}]+@[^\s<>\"'(),;:@\[\]{}/]+")
_MAYBE_IP = re.compile(
    r"(?<![\w.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]{0,15}){2,8})(?![\w.])"
)
_WORD = re.compile(r"[^\W_]+")
_PARTICLES = frozenset({"an", "bei", "da", "de", "del", "den", "der", "di", "du", "el", "la", "le", "van", "von", "zu"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Filter:
    """Knows the people of a school by ``logins`` and shown ``names``."""

    def __init__(self, logins: Iterable[str], names: Iterable[str]) -> None:
        self._words: set[str] = set()
        for text in (*logins, *names):
            for word in _WORD.findall(text.casefold()):
                plain = word.translate(_UMLAUTS)
                self._words |= {word, plain, unidecode(word).casefold(), unidecode(plain).casefold()}
        self._words = {word for word in self._words if len(word) > 1 and not word.isdigit()} - _PARTICLES

    def clean(self, text: str) -> str:
        """Give ``text`` without mail addresses, IP addresses, and words that are part of a login or name."""
        text = _MAYBE_IP.sub(_without_ip, _MAIL.sub(_ADDRESS, text))
        return _WORD.sub(self._without_person, text)

    def _without_person(self, found: re.Match[str]) -> str:
        return _PERSON if found[0].casefold() in self._words else found[0]


def _without_ip(found: re.Match[str]) -> str:
    """Keep what is a time of day, and addresses that are every machine's."""
    try:
        address = ip_address(found[0].rstrip(":.") if found[0] not in ("::", "::1") else found[0])
    except ValueError:
        return found[0]
    return found[0] if address.is_loopback or address.is_unspecified else _IP
