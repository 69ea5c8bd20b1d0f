"""Logins from names (K01): the same name gives the same login everywhere and every time.

Pure. May live here: how a name becomes a login or a group name. May not: who gets which (that is the plan's).
"""

from __future__ import annotations

import re
from collections.abc import Container

from unidecode import unidecode

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ẞ": "SS"})
_LONGEST = 64
"""Characters of a login: the local part of an address may have 64 octets (RFC 5321 section 4.5.3.1.1)."""


class UnusableName(ValueError):
    """Nothing is left of a name once it is written in the letters of a login."""


def _part(name: str, join: str) -> str:
    """``name`` in lower-case ASCII; words joined by ``join``, hyphens kept, apostrophes and dots dropped."""
    plain = unidecode(name.translate(_GERMAN)).lower()
    words = re.split(r"[\s_]+", re.sub(r"[^a-z0-9\s_-]", "", plain).strip())
    return re.sub(r"-+", "-", join.join(word.strip("-") for word in words if word.strip("-")))


def make_login(given_name: str, surname: str, taken: Container[str]) -> str:
    """``firstname.surname`` after the first given name; a name already ``taken`` gets the first free number from 2 on.

    ``Anna-Lena Marie`` and ``von Müller-Lüdenscheidt`` give ``anna-lena.von-mueller-luedenscheidt``. Raises
    :class:`UnusableName` where nothing is left. Who comes first keeps the plain login, so callers go by source ID.
    """
    first = _part(given_name, " ").split(" ")[0]
    last = _part(surname, "-")
    if not first or not last:
        raise UnusableName(f"no login can be made of «{given_name} {surname}»")
    stem = f"{first}.{last}"[:_LONGEST].rstrip("-.")
    login, number = stem, 1
    while login in taken:
        number += 1
        login = f"{stem[: _LONGEST - len(str(number))]}{number}"
    return login


def group_name(prefix: str, title: str) -> str:
    """The name of a group such as ``klasse3a`` (prefix ``klasse``, title ``3 A``); the prefix is not doubled.

    Raises :class:`UnusableName` where nothing is left of the title.
    """
    plain = re.sub(r"[^a-z0-9]", "", _part(title, ""))
    bare = plain.removeprefix(prefix)
    if not bare:
        raise UnusableName(f"no group name can be made of «{title}»")
    return f"{prefix}{bare}"
