"""Reading a mapping with known keys: values from the file, the rest from the defaults of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeVar, cast

import yaml

from appliance.daemon.options import REQUIRED, Kind, Option, options_of
from appliance.daemon.options_reading import WRONG, Reading, Source, Wrong
from appliance.daemon.options_yaml import describe, entries

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with known keys; ``make`` is called with all values, by key, once each of them is right."""

    options: tuple[Option, ...]
    make: Callable[..., Any]
    name: str = "table"

    @property
    def allowed(self) -> str:
        """The known keys."""
        return f"a mapping with the keys {', '.join(row.key for row in self.options)}"

    def read(self, node: yaml.Node, source: Source, reading: Reading) -> Any | Wrong:
        """Read every option, a missing one from its default; unknown and repeated keys are problems."""
        if not isinstance(node, yaml.MappingNode):
            reading.report(source, describe(node), self.allowed)
            return WRONG
        known = {row.key: row for row in self.options}
        given: dict[str, tuple[Source, yaml.Node]] = {}
        complete = True
        for key, line, value in entries(node, source, reading):
            if key in known:
                given[key] = (source.child(key, line), value)
            else:
                complete = False
                near = get_close_matches(key.casefold(), known, 1) if len(key) < 60 and not reading.full else []
                reading.report(source.child(key, line), "an unknown key", f"one of {', '.join(known)}", "".join(near))
        values = {row.key: _value(row, given.get(row.key), source, reading) for row in self.options}
        return self.make(**values) if complete and WRONG not in values.values() else WRONG


def table(section: type[T]) -> Kind[T]:
    """Give the type that reads a mapping into the dataclass ``section``."""
    return Table(options_of(section), section)


@lru_cache(maxsize=1024)
def plain_node(text: str) -> yaml.Node:
    """Compose a YAML text of our own making, such as a default, into a node."""
    return cast(yaml.Node, yaml.compose(text, Loader=yaml.SafeLoader))


def _value(row: Option, given: tuple[Source, yaml.Node] | None, source: Source, reading: Reading) -> object:
    """Read one option and note it."""
    if given is not None:
        place, node = given
    elif row.default is REQUIRED:
        reading.report(Source(source.file, source.line, source.child(row.key, None).key), "nothing", row.kind.allowed)
        return WRONG
    else:
        place, node = source.child(row.key, None), plain_node(yaml.safe_dump(row.default, allow_unicode=True))
    value = row.kind.read(node, place, reading)
    reading.note(place, value)
    return value
