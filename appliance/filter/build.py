"""Building an index: millions of entries become one file, in bounded memory, put in place whole.

May live here: what becomes of an entry, and the order of the work. May not: the format of the file (``layout``),
look-ups (``index``), how lists are written and where they come from.
"""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from appliance.daemon.whole_file import sync_folder
from appliance.filter import layout
from appliance.filter.automaton import check
from appliance.filter.entry import Entry, Kind
from appliance.filter.expressions import BadExpression
from appliance.filter.keys import WIDTH, address, new_key, root, shortened, site
from appliance.filter.partitions import MOST_CODES, Partitions

_MORE: Final = 0
_FIRST: Final = 2
"""Codes: of a node below which more is listed; of the first category, the next one odd and meaning its exceptions."""
_IN_ONE: Final = 6
"""So many nodes share one of ``starts``, at the most and on average."""
_PRINT: Final = (1 << layout.PRINT_BITS) - 1
_REST: Final = (1 << layout.REST_BITS) - 1
_MOST_NODES: Final = 40_000_000
"""Eight times the largest lists there are; writing them takes half of the memory that a renewal may have."""
_MOST_VALUES: Final = 1 << 16
_MOST_STATES: Final = 5000
"""Of all expressions: the worst of them cost a worker some tenths of a second for an address, and more with more."""
_MOST_REFUSED: Final = 500
"""So many expressions that cannot be taken are looked at: each costs up to a tenth of a second, a list has millions."""
_MOST_EXAMPLES: Final = 20
_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Built:
    """What became of the entries: how many different ones are in the index, how many expressions could not be taken.

    ``examples`` has the first of those, and why.
    """

    entries: int
    refused: int
    examples: tuple[tuple[Entry, str], ...]


class TooMany(Exception):
    """There are more names, categories, or different sets of them, than an index holds."""


def build(entries: Iterable[Entry], target: Path, mode: int = _MODE) -> Built:
    """Put an index of ``entries`` at ``target`` with ``mode``; whoever reads there sees the old one or the new one.

    Memory does not grow with the entries but for 8 bytes each; 30 bytes each are used for a while in the target's
    folder. There is one builder for a target; what a killed one left is removed. Raises :class:`TooMany`, OSError and
    whatever ``entries`` raises, and leaves all as it was.
    """
    with _emptied(target.with_name(f".{target.name}.new")) as folder:
        (folder / "nodes").mkdir()
        work = _Work(folder / "nodes")
        for entry in entries:
            work.take(entry)
        candidate = folder / "index"
        with candidate.open("xb") as file:
            built = work.write(file)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        candidate.rename(target)
    sync_folder(target.parent)
    return built


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """Give ``folder``, new and for us alone, and remove it afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class _Work:
    def __init__(self, folder: Path) -> None:
        self._key = new_key()
        self._parts = Partitions(folder)
        self._codes: dict[tuple[str, bool], int] = {}
        self._names: list[str] = []
        self._expressions: dict[tuple[int, bool, str], None] = {}
        self._states = self._refused = 0
        self._examples: list[tuple[Entry, str]] = []
        self._single = False
        self._above = ""

    def take(self, entry: Entry) -> None:
        category, kind, text, allow = entry
        code = self._codes.get((category, allow))
        if code is None:
            code = self._number(category, allow)
        if kind is Kind.DOMAIN:
            self._take_domain(text, code)
        elif kind is Kind.URL:
            self._take_url(text, code)
        else:
            self._take_expression(entry, code)

    def _number(self, category: str, allow: bool) -> int:
        number = len(self._names)
        if _FIRST + 2 * number >= MOST_CODES:
            raise TooMany(f"an index holds {MOST_CODES // 2 - _FIRST} categories")
        self._names.append(category)
        for excepted in (False, True):
            self._codes[category, excepted] = _FIRST + 2 * number + excepted
        return self._codes[category, allow]

    def _take_domain(self, text: str, code: int) -> None:
        self._parts.add(self._key.hash(text.encode(errors="surrogateescape")), code)
        above = root(text)
        if above != text:
            if above != self._above:
                self._parts.add(self._key.hash(above.encode(errors="surrogateescape")), _MORE)
                self._above = above
        elif "." not in text:
            self._single = True

    def _take_url(self, text: str, code: int) -> None:
        host, _, path = text.partition("/")
        self._parts.add(self._key.hash(shortened(address(host, path))), code)
        self._parts.add(self._key.hash(site(host)), _MORE)

    def _take_expression(self, entry: Entry, code: int) -> None:
        expression = (code - _FIRST) // 2, entry.allow, entry.text
        if expression in self._expressions:
            return
        try:
            if self._refused >= _MOST_REFUSED:
                raise BadExpression(f"{_MOST_REFUSED} others could not be taken")
            states = check(entry.text) if self._states < _MOST_STATES else _MOST_STATES
            if self._states + states > _MOST_STATES:
                raise BadExpression(f"all expressions together need more than {_MOST_STATES} states")
        except BadExpression as error:
            self._refused += 1
            if len(self._examples) < _MOST_EXAMPLES:
                self._examples.append((entry, error.reason))
        else:
            self._states += states
            self._expressions[expression] = None

    def write(self, file: IO[bytes]) -> Built:
        """Write the index of all that was taken."""
        if self._parts.most > _MOST_NODES:
            raise TooMany(f"an index holds {_MOST_NODES:,} names")
        bits = min(max(self._parts.most // _IN_ONE, 1).bit_length(), layout.MOST_BITS)
        kept = layout.PRINT_BITS + layout.REST_BITS
        starts, prints, rests, values = array("I", [0]), array("I"), array("B"), array("H")
        known: dict[tuple[int, ...], int] = {}
        entries = len(self._expressions)
        for node, codes in self._parts.nodes(WIDTH - bits - kept):
            starts.extend([len(prints)] * ((node >> kept) + 1 - len(starts)))
            prints.append(node >> layout.REST_BITS & _PRINT)
            rests.append(node & _REST)
            if len(known) >= _MOST_VALUES and codes not in known:
                raise TooMany(f"an index holds {_MOST_VALUES} different sets of categories")
            values.append(known.setdefault(codes, len(known)))
            entries += codes != (_MORE,)
        starts.extend([len(prints)] * ((1 << bits) + 1 - len(starts)))
        head = layout.Head(
            self._key,
            bits,
            len(prints),
            entries,
            self._single,
            tuple(self._names),
            tuple(map(_value, known)),
            tuple(self._expressions),
        )
        layout.write(file, head, (starts, prints, rests, values))
        return Built(entries, self._refused, tuple(self._examples))


def _value(codes: tuple[int, ...]) -> layout.Value:
    numbers = [divmod(code - _FIRST, 2) for code in codes if code >= _FIRST]
    return (
        tuple(number for number, allow in numbers if not allow),
        tuple(number for number, allow in numbers if allow),
        _MORE in codes,
    )
