"""Types of a single value: text, yes or no, choice, path.

A type is a :class:`Scalar`: a name, what is allowed in words, and a function from the text as typed to the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Generic, TypeVar

import yaml

from appliance.daemon.options_reading import WRONG, Reading, Source, Wrong
from appliance.daemon.options_yaml import describe

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S", bound=str)
_LONGEST = 1000
_YAML = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Scalar(Generic[T_co]):
    """A type of single values.

    ``parse`` gets the text as typed and raises ``ValueError`` when it is none of them; the error's text, if any, is the
    value that may have been meant. ``tags`` are the YAML types accepted (``str``, ``int``, ...): a plain ``no`` is a
    ``bool`` to YAML, and whether that may be a text the type says.
    """

    name: str
    allowed: str
    parse: Callable[[str], T_co]
    tags: frozenset[str] = frozenset({"str", "int", "float", "bool", "timestamp"})

    def read(self, node: yaml.Node, source: Source, reading: Reading) -> T_co | Wrong:
        """Read one value."""
        typed = isinstance(node, yaml.ScalarNode) and node.tag.removeprefix(_YAML) in self.tags
        if typed and node.value.isprintable() and len(node.value) <= _LONGEST:
            try:
                return self.parse(node.value)
            except ValueError as error:
                reading.report(source, describe(node), self.allowed, str(error))
                return WRONG
        reading.report(source, describe(node), self.allowed)
        return WRONG


def text(pattern: str = r"\S(.*\S)?", allowed: str = "a text", *, longest: int = 200) -> Scalar[str]:
    """Give the type of texts that match ``pattern`` as a whole; a plain ``yes`` or ``no`` needs quotes."""
    expression = re.compile(pattern)

    def parse(value: str) -> str:
        if len(value) > longest or not expression.fullmatch(value):
            raise ValueError
        return value

    return Scalar("text", allowed, parse, frozenset({"str", "int", "float", "timestamp", "merge", "value"}))


def choice(values: Iterable[S]) -> Scalar[S]:
    """Give the type of one of ``values`` (texts, or the members of a ``StrEnum``)."""
    members = {str(value): value for value in values}

    def parse(value: str) -> S:
        if value not in members:
            raise ValueError("".join(get_close_matches(value.casefold(), members, 1)))
        return members[value]

    return Scalar(" | ".join(members), f"one of {', '.join(members)}", parse)


def _boolean(value: str) -> bool:
    return value.casefold() in {"true", "yes", "on"}


def _path(value: str) -> Path:
    if not value.startswith("/") or "\0" in value or ".." in Path(value).parts:
        raise ValueError
    return Path(value)


BOOLEAN: Scalar[bool] = Scalar("yes or no", "true or false", _boolean, frozenset({"bool"}))
PATH: Scalar[Path] = Scalar("path", "a path from the root, without '..'", _path)
