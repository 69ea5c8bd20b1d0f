"""What the privileged process takes for a login, an id, a text: strict patterns, nothing else gets through.

Pure: no file, no process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_LONGEST_TEXT = 512 * 1024


class WrongArgument(ValueError):
    """An argument is not of the form that its verb takes; nothing was done."""


@dataclass(frozen=True, slots=True)
class Ids:
    """The numeric ids that accounts and groups of the school may have, both ends included."""

    first: int
    last: int


def login(value: str) -> str:
    """Give ``value`` if it is a login (K01): letters, digits, dot, dash, underscore; 64 characters, one a letter.

    So it is neither a path nor hidden nor an option of a program nor an address. Raises :class:`WrongArgument`.
    """
    if not _LOGIN.fullmatch(value) or ".." in value or not any(letter.isalpha() for letter in value):
        raise WrongArgument("a login has 1 to 64 lower-case letters, digits, dots, dashes and underscores")
    return value


def group(value: str) -> str:
    """Give ``value`` if it is a group's name: as a login, but upper case is fine. Raises :class:`WrongArgument`."""
    if not _LOGIN.fullmatch(value.lower()) or ".." in value or not value.isascii():
        raise WrongArgument("a group's name has 1 to 64 letters, digits, dots, dashes and underscores")
    return value


def number(value: int, ids: Ids) -> int:
    """Give ``value`` if it is one of ``ids``; raises :class:`WrongArgument`: nobody gets a home of root's."""
    if not ids.first <= value <= ids.last:
        raise WrongArgument(f"an id lies between {ids.first} and {ids.last}")
    return value


def text(value: str) -> str:
    """Give ``value`` if an engine's file may hold it; raises :class:`WrongArgument`."""
    if len(value) > _LONGEST_TEXT or "\0" in value:
        raise WrongArgument(f"a file has at most {_LONGEST_TEXT} characters and no NUL")
    return value
