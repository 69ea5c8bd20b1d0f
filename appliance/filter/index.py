"""The index of all lists: which categories a host or an address belongs to, from a file that all workers map (K13).

May live here: looking up. May not: the format (``layout``), building (``build``), when a new one is taken
(``current``), and to whom a category is closed. A listed domain means all below it too, and so does an exception,
which is stronger whatever of both stands above the other.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from appliance.filter import layout
from appliance.filter.automaton import Automaton
from appliance.filter.entry import Kind
from appliance.filter.keys import WIDTH, address, beginnings, new_key, site
from appliance.filter.layout import PRINT_BITS, REST_BITS, BrokenIndex, Head, Tables

_NONE: Final[frozenset[str]] = frozenset()
_KEPT_BITS: Final = PRINT_BITS + REST_BITS
_PRINT: Final = (1 << PRINT_BITS) - 1
_REST: Final = (1 << REST_BITS) - 1
_ABSENT: Final = -1
_number: Final = int.from_bytes
_MOST_SETS: Final = 4096


class Match(NamedTuple):
    """What makes a host or an address be in ``category``, or with ``allow`` not be in it: ``text`` as it is listed.

    The text of a URL is in the form of ``keys.address``.
    """

    category: str
    kind: Kind
    text: str
    allow: bool


class Index:
    """A compiled index; made by :meth:`open` or :meth:`empty`.

    ``names`` are its categories. ``identity`` is another one with each build, and "" for the empty one.
    """

    def __init__(self, identity: str, head: Head, tables: Tables) -> None:
        self.identity = identity
        self.names = head.names
        self._entries = head.entries
        self._factor, self._prime = head.key
        self._shift = WIDTH - head.bits - PRINT_BITS - REST_BITS
        self._starts, self._prints, self._rests, self._values = (
            tables.starts,
            tables.prints,
            tables.rests,
            tables.values,
        )
        self._single = head.single
        values = (*head.values, ((), (), False))  # the last one is that of _ABSENT
        self._listed = [_bits(listed) for listed, _, _ in values]
        self._excepted = [_bits(excepted) for _, excepted, _ in values]
        self._more = [more for _, _, more in values]
        self._sets = {0: _NONE}
        self._alone = [
            None if more or self._single else self._set(listed, excepted)
            for listed, excepted, more in zip(self._listed, self._excepted, self._more, strict=True)
        ]
        self._expressions = head.expressions
        self._automaton = Automaton([text for _, _, text in head.expressions])

    @classmethod
    def open(cls, path: Path) -> Index:
        """Map the index at ``path`` and check all of it; raises :class:`BrokenIndex` or OSError.

        Checking 50 MiB takes some 40 ms, in which other threads run. Whoever replaces the file renames another into
        its place, as ``build`` does: cutting a mapped file kills those who map it.
        """
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise BrokenIndex("it is empty")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(*layout.read(memoryview(data)))

    @classmethod
    def empty(cls) -> Index:
        """Give an index in which nothing is listed."""
        return cls("", Head(new_key(), 0, 0, 0, False, (), ()), Tables((0, 0), (), (), ()))

    def __len__(self) -> int:
        """How many hosts, addresses and expressions are listed."""
        return self._entries

    def of(self, host: str) -> frozenset[str]:
        """Give the categories of ``host`` (lower case, IDNA, no dot at either end) by all names that are listed."""
        start = host.rfind(".", 0, host.rfind(".")) + 1
        node = _number(host[start:].encode()) * self._factor % self._prime >> self._shift
        bucket, wanted, prints = node >> _KEPT_BITS, node >> REST_BITS & _PRINT, self._prints
        high = self._starts[bucket + 1]
        at = bisect_left(prints, wanted, self._starts[bucket], high)
        if at == high or prints[at] != wanted:
            return self._set(*self._below(host, start, _ABSENT)) if self._single else _NONE
        if self._rests[at] != node & _REST:
            return self._set(*self._of_host(host))
        value = self._values[at]
        alone = self._alone[value]
        return self._set(*self._below(host, start, value)) if alone is None else alone

    def of_url(self, host: str, path: str) -> frozenset[str]:
        """Give the categories of ``host`` and of what ``path`` (with its query) names on it."""
        listed, excepted = self._of_host(host)
        text = address(host, path)
        for _, value in self._of_address(host, text):
            listed |= self._listed[value]
            excepted |= self._excepted[value]
        found = self._automaton.matching(text)
        for place, (number, allow, _) in enumerate(self._expressions) if found else ():
            if found >> place & 1:
                if allow:
                    excepted |= 1 << number
                else:
                    listed |= 1 << number
        return self._set(listed, excepted)

    def by_path(self, host: str) -> bool:
        """Whether :meth:`of_url` may say of one path at ``host`` something else than of another."""
        return bool(self._expressions) or self._find(site(host)) != _ABSENT

    def matches(self, host: str, path: str | None = None) -> tuple[Match, ...]:
        """Give what makes :meth:`of` or, with ``path``, :meth:`of_url` answer as they do."""
        found: list[Match] = []
        for text in _above(host):
            value = self._find(text.encode())
            if value != _ABSENT:
                found += self._told(value, Kind.DOMAIN, text)
        if path is not None:
            place = address(host, path)
            for shown, value in self._of_address(host, place):
                found += self._told(value, Kind.URL, shown.decode(errors="replace"))
            matching = self._automaton.matching(place)
            for one, (number, allow, expression) in enumerate(self._expressions):
                if matching >> one & 1:
                    found.append(Match(self.names[number], Kind.EXPRESSION, expression, allow))
        return tuple(found)

    def _find(self, text: bytes) -> int:
        node = _number(text) * self._factor % self._prime >> self._shift
        bucket, wanted, rest = node >> _KEPT_BITS, node >> REST_BITS & _PRINT, node & _REST
        high = self._starts[bucket + 1]
        at = bisect_left(self._prints, wanted, self._starts[bucket], high)
        while at < high and self._prints[at] == wanted:
            if self._rests[at] == rest:
                return self._values[at]
            at += 1
        return _ABSENT

    def _of_host(self, host: str) -> tuple[int, int]:
        start = host.rfind(".", 0, host.rfind(".")) + 1
        return self._below(host, start, self._find(host[start:].encode()))

    def _below(self, host: str, start: int, value: int) -> tuple[int, int]:
        """Give as bits what ``host`` is listed in and excepted from; its root begins at ``start`` and has ``value``."""
        listed, excepted, more = self._listed[value], self._excepted[value], self._more[value]
        while more and start:
            start = host.rfind(".", 0, start - 1) + 1
            value = self._find(host[start:].encode())
            listed |= self._listed[value]
            excepted |= self._excepted[value]
        if self._single and "." in host:
            value = self._find(host[host.rfind(".") + 1 :].encode())
            listed |= self._listed[value]
            excepted |= self._excepted[value]
        return listed, excepted

    def _of_address(self, host: str, text: bytes) -> Iterator[tuple[bytes, int]]:
        shown = site(host)
        value = self._find(shown)
        if value == _ABSENT:
            return
        yield shown, value
        for shown in beginnings(text):
            value = self._find(shown)
            if value != _ABSENT:
                yield shown, value

    def _set(self, listed: int, excepted: int) -> frozenset[str]:
        bits = listed & ~excepted
        found = self._sets.get(bits)
        if found is None:
            if len(self._sets) >= _MOST_SETS:
                self._sets = {0: _NONE}
            found = frozenset(name for number, name in enumerate(self.names) if bits >> number & 1)
            self._sets[bits] = found
        return found

    def _told(self, value: int, kind: Kind, text: str) -> Iterator[Match]:
        for bits, allow in ((self._listed[value], False), (self._excepted[value], True)):
            for number, name in enumerate(self.names):
                if bits >> number & 1:
                    yield Match(name, kind, text, allow)


def _bits(numbers: tuple[int, ...]) -> int:
    return sum(1 << number for number in numbers)


def _above(host: str) -> Iterator[str]:
    """Give ``host`` and all names above it."""
    while host:
        yield host
        host = host.partition(".")[2]
