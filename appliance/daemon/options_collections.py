"""Types that hold several values: lists, mappings with free keys, and the choice between a word and a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

import yaml

from appliance.daemon.options import Kind
from appliance.daemon.options_reading import WRONG, Reading, Source, Wrong
from appliance.daemon.options_values import Scalar
from appliance.daemon.options_yaml import describe, entries

T_co = TypeVar("T_co", covariant=True)
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T_co]):
    """A list of values of one type, read into a tuple; the same value twice is a problem unless ``repeats``.

    Values that are compared must be hashable.
    """

    item: Kind[T_co]
    fewest: int = 0
    repeats: bool = False

    @property
    def name(self) -> str:
        """``list of`` what."""
        return f"list of {self.item.name}"

    @property
    def allowed(self) -> str:
        """What each item may be."""
        least = f"at least {self.fewest}: " if self.fewest else ""
        return f"a list in [ ] or with dashes, {least}each {self.item.allowed}"

    def read(self, node: yaml.Node, source: Source, reading: Reading) -> tuple[T_co, ...] | Wrong:
        """Read every item, the wrong ones too."""
        if not isinstance(node, yaml.SequenceNode) or len(node.value) < self.fewest:
            found = "an empty list" if isinstance(node, yaml.SequenceNode) else describe(node)
            reading.report(source, found, self.allowed, self._as_list(node))
            return WRONG
        values: list[T_co] = []
        seen: set[T_co] = set()
        for number, child in enumerate(node.value):
            place = source.item(number, child.start_mark.line + 1)
            value = self.item.read(child, place, reading)
            reading.note(place, value)
            if value is WRONG:
                continue
            if not self.repeats and value in seen:
                reading.report(place, f"{describe(child)} again", "each value once")
            elif not self.repeats:
                seen.add(value)
            values.append(value)
        return tuple(values) if len(values) == len(node.value) else WRONG

    def _as_list(self, node: yaml.Node) -> str:
        """How a single value is written as a list, if it is one of ours."""
        trial = Reading()
        alone = isinstance(node, yaml.ScalarNode) and self.item.read(node, Source("", None, ""), trial) is not WRONG
        return f"[{node.value}]" if alone else ""


@dataclass(frozen=True, slots=True)
class MappingOf(Generic[K, T_co]):
    """A mapping whose keys the carer names, such as rooms; both keys and values have one type."""

    key: Scalar[K]
    value: Kind[T_co]

    @property
    def name(self) -> str:
        """From what to what."""
        return f"mapping of {self.key.name} to {self.value.name}"

    @property
    def allowed(self) -> str:
        """What keys and values may be."""
        return f"a mapping; keys: {self.key.allowed}; values: {self.value.allowed}"

    def read(self, node: yaml.Node, source: Source, reading: Reading) -> Mapping[K, T_co] | Wrong:
        """Read every entry, the wrong ones too."""
        if not isinstance(node, yaml.MappingNode):
            reading.report(source, describe(node), self.allowed)
            return WRONG
        values: dict[K, T_co] = {}
        complete = True
        for text, line, child in entries(node, source, reading):
            place = source.child(text, line)
            key_node = yaml.ScalarNode("tag:yaml.org,2002:str", text, child.start_mark, child.end_mark)
            key = self.key.read(key_node, place, reading)
            value = self.value.read(child, place, reading)
            reading.note(place, value)
            if key is WRONG or value is WRONG:
                complete = False
            else:
                values[key] = value
        return MappingProxyType(values) if complete else WRONG


@dataclass(frozen=True, slots=True)
class WordOr(Generic[K, T_co]):
    """A word, such as ``all``, or else a list or mapping."""

    word: Scalar[K]
    other: Kind[T_co]

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.word.name} | {self.other.name}"

    @property
    def allowed(self) -> str:
        """Both kinds of values."""
        return f"{self.word.allowed}, or {self.other.allowed}"

    def read(self, node: yaml.Node, source: Source, reading: Reading) -> K | T_co | Wrong:
        """Read what stands here by its shape; a wrong word is answered with both kinds."""
        if not isinstance(node, yaml.ScalarNode):
            return self.other.read(node, source, reading)
        return Scalar(self.name, self.allowed, self.word.parse, self.word.tags).read(node, source, reading)


@dataclass(frozen=True, slots=True)
class Maybe(Generic[T_co]):
    """A value or nothing (``null`` in the file, ``None`` as a value)."""

    kind: Kind[T_co]

    @property
    def name(self) -> str:
        """The name of the type of the value."""
        return self.kind.name

    @property
    def allowed(self) -> str:
        """The value or nothing."""
        return f"{self.kind.allowed}, or null"

    def read(self, node: yaml.Node, source: Source, reading: Reading) -> T_co | None | Wrong:
        """Read a value if there is one."""
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return None
        return self.kind.read(node, source, reading)
