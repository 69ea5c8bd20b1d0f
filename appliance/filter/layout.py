"""The file of an index: a first line, a head in JSON, three tables; and whether a file is one.

May live here: the format, both ways. May not: look-ups, building, when to read.

The first line names format, lengths and a checksum over all else. Each node of the tables is a listed name, or the last
two labels of one (the host of a URL): ``starts`` tells by the upper bits of a hash where in ``prints`` the next 32 bits
of such hashes stand, in order; at the same place ``rests`` has the 8 bits after them, and ``values`` tells which of the
head's values the node has. A host that is not listed is taken for one that is by chance only, of 1 to 10^11.
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Any, Final, Literal

from appliance.filter.keys import WIDTH, Key

PRINT_BITS: Final = 32
REST_BITS: Final = 8
MOST_BITS: Final = WIDTH - PRINT_BITS - REST_BITS
"""The most that can choose among ``starts``."""
_LINE: Final = re.compile(rb"schoolserver-index (\d{1,4}) (\d{10}) (\d{16}) ([0-9a-f]{64})\n")
_FORMAT: Final = 1
_LENGTH: Final = 117
_ALIGNED: Final = 8
_Code = Literal["B", "H", "I"]


class BrokenIndex(Exception):
    """The bytes are no index that can be used; ``reason`` says why, without any content of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Value = tuple[tuple[int, ...], tuple[int, ...], bool]
"""What a node has: numbers of its categories, of those that it is excepted from, whether more is listed below it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is in an index beside its tables.

    ``bits``: so many upper bits of a hash choose among ``starts``. ``names`` of categories, in the order of their
    numbers. ``entries``: how many names, addresses and expressions are listed. ``single``: names of one label are
    among them. ``expressions``: each with its category's number and whether it is an exception.
    """

    key: Key
    bits: int
    nodes: int
    entries: int
    single: bool
    names: tuple[str, ...]
    values: tuple[Value, ...]
    expressions: tuple[tuple[int, bool, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tables:
    """``starts`` has 2^bits + 1 numbers, ``prints`` and ``values`` one for each node."""

    starts: Sequence[int]
    prints: Sequence[int]
    rests: Sequence[int]
    values: Sequence[int]


def write(file: IO[bytes], head: Head, tables: tuple[array[int], array[int], array[int], array[int]]) -> None:
    """Write an index to ``file``, which is empty and can be sought in."""
    words = json.dumps(_written(head), separators=(",", ":")).encode()
    words += b" " * (-(_LENGTH + len(words)) % _ALIGNED)
    starts, prints, rests, values = tables
    bodies = [table.tobytes() for table in (starts, prints, array(_code(head), values), rests)]
    start = b"schoolserver-index %04d %010d %016d " % (_FORMAT, len(words), sum(map(len, bodies)))
    checksum = sha256(start)
    file.write(b" " * _LENGTH)
    for part in (words, *bodies):
        file.write(part)
        checksum.update(part)
    file.seek(0)
    file.write(start + checksum.hexdigest().encode() + b"\n")


def read(data: memoryview) -> tuple[str, Head, Tables]:
    """Give checksum, head and tables of an index; raises :class:`BrokenIndex` for anything else, cut or altered."""
    line = _LINE.fullmatch(data[:_LENGTH])
    if line is None:
        raise BrokenIndex("the first line is not that of an index")
    form, words, body = (int(number) for number in line.groups()[:3])
    if len(data) != _LENGTH + words + body:
        raise BrokenIndex(f"{len(data)} bytes are there, the first line announces {_LENGTH + words + body}")
    checksum = sha256(data[: line.start(4)])
    checksum.update(data[_LENGTH:])
    if checksum.hexdigest().encode() != line[4]:
        raise BrokenIndex("the checksum does not fit")
    if form != _FORMAT:
        raise BrokenIndex(f"format {form} is not known here; known: {_FORMAT}")
    try:
        fields = json.loads(bytes(data[_LENGTH : _LENGTH + words]))
        if fields["order"] != sys.byteorder:
            raise BrokenIndex(f"it was built on a machine with {fields['order']}-endian numbers")
        head = _head(fields)
        tables = _tables(head, data[_LENGTH + words :])
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as cause:
        raise BrokenIndex("the content is not what its format says") from cause
    return line[4].decode(), head, tables


def _code(head: Head) -> _Code:
    return "B" if len(head.values) <= 1 << 8 else "H"


def _written(head: Head) -> dict[str, Any]:
    return {
        "order": sys.byteorder,
        "key": list(head.key),
        "bits": head.bits,
        "nodes": head.nodes,
        "entries": head.entries,
        "single": head.single,
        "names": head.names,
        "values": head.values,
        "expressions": head.expressions,
    }


def _head(fields: dict[str, Any]) -> Head:
    factor, prime = fields["key"]
    if not 0 < factor < prime < 1 << WIDTH or not 0 <= fields["bits"] <= MOST_BITS:
        raise ValueError
    head = Head(
        Key(factor, prime),
        fields["bits"],
        fields["nodes"],
        fields["entries"],
        bool(fields["single"]),
        tuple(map(str, fields["names"])),
        tuple((tuple(listed), tuple(excepted), bool(more)) for listed, excepted, more in fields["values"]),
        tuple((number, bool(allow), str(text)) for number, allow, text in fields["expressions"]),
    )
    numbers = [number for listed, excepted, _ in head.values for number in (*listed, *excepted)]
    numbers += [number for number, _, _ in head.expressions]
    if not all(0 <= number < len(head.names) for number in numbers):
        raise ValueError
    return head


def _tables(head: Head, body: memoryview) -> Tables:
    code = _code(head)
    kinds: tuple[tuple[_Code, int], ...] = (
        ("I", (1 << head.bits) + 1), ("I", head.nodes), (code, head.nodes), ("B", head.nodes)
    )  # fmt: skip
    views, at = [], 0
    for kind, count in kinds:
        end = at + array(kind).itemsize * count
        views.append(body[at:end].cast(kind))
        at = end
    starts, prints, values, rests = views
    if at != len(body) or not len(prints) == len(values) == len(rests) == starts[-1]:
        raise ValueError
    return Tables(starts, prints, rests, values)
