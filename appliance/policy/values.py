"""What a value read from JSON must be. May live here: checks of one value each; they raise ``TypeError``."""

from __future__ import annotations

from typing import Any


def text(value: Any) -> str:
    """Give ``value`` if it is a text."""
    if type(value) is not str:
        raise TypeError("a text is needed")
    return value


def whole(value: Any) -> int:
    """Give ``value`` if it is a whole number."""
    if type(value) is not int:
        raise TypeError("a whole number is needed")
    return value


def flag(value: Any) -> bool:
    """Give ``value`` if it is true or false."""
    if type(value) is not bool:
        raise TypeError("true or false is needed")
    return value


def array(value: Any) -> list[Any]:
    """Give ``value`` if it is a list, of whatever."""
    if type(value) is not list:
        raise TypeError("a list is needed")
    return value
