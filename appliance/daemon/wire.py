r"""Framing of local requests: one JSON object a line, UTF-8, ended by ``\n``, at most ``limit`` bytes.

Request ``{"id": n, "verb": "..", "arguments": {..}}``; reply ``{"id": n, "result": {..}}`` or
``{"id": n, "error": {"kind": "..", "text": ".."}}``; ``id`` is null in a reply to what could not be read.
May live here: bytes to objects and back. May not: a socket, a clock, what a verb means.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

LIMIT = 64 * 1024


class WireError(ValueError):
    """What arrived is no request or reply; the text says why and never repeats what arrived."""


@dataclass(frozen=True, slots=True)
class Request:
    """``verb`` with ``arguments`` (JSON values by name); ``id`` is chosen by the client and comes back in the reply."""

    id: int
    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the line with its newline. Raise TypeError or ValueError for what JSON cannot carry."""
        return _line({"id": self.id, "verb": self.verb, "arguments": dict(self.arguments)})

    @staticmethod
    def decode(line: bytes) -> Request:
        """Read one line (without its newline); raise :class:`WireError`."""
        match _object(line):
            case {"id": int(number), "verb": str(verb), "arguments": dict(arguments), **rest} if not rest:
                return Request(_number(number), verb, arguments)
        raise WireError("a request needs id (number), verb (text), arguments (object) and nothing else")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not done: ``kind`` for programs (``not-allowed``), ``text`` for people."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of request ``id`` (None: the request could not be read): a result, or why there is none."""

    id: int | None
    outcome: Mapping[str, Any] | Refusal

    def encode(self) -> bytes:
        """Return the line with its newline. Raise TypeError or ValueError for what JSON cannot carry."""
        if isinstance(self.outcome, Refusal):
            return _line({"id": self.id, "error": {"kind": self.outcome.kind, "text": self.outcome.text}})
        return _line({"id": self.id, "result": dict(self.outcome)})

    @staticmethod
    def decode(line: bytes) -> Reply:
        """Read one line (without its newline); raise :class:`WireError`."""
        match _object(line):
            case {"id": int(number), "result": dict(result), **rest} if not rest:
                return Reply(_number(number), result)
            case {"id": int() | None as number, "error": {"kind": str(kind), "text": str(text)}, **rest} if not rest:
                return Reply(None if number is None else _number(number), Refusal(kind, text))
        raise WireError("a reply needs id and either result or error")


class Lines:
    """Cuts a stream of bytes into lines of at most ``limit`` bytes (without its newline).

    A longer line is dropped piece by piece as it arrives, so memory stays bounded, and reported once as None.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Yield each line that ``data`` completes, and None as soon as one is too long."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            yield from self._add(data[start:end])
            if not self._dropping:
                yield bytes(self._rest)
            self._rest.clear()
            self._dropping = False
            start = end + 1
        yield from self._add(data[start:])

    def _add(self, piece: bytes) -> Iterator[None]:
        if self._dropping:
            return
        if len(self._rest) + len(piece) > self._limit:
            self._rest.clear()
            self._dropping = True
            yield None
        else:
            self._rest += piece


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode(), parse_constant=_refuse, object_pairs_hook=_unique)
        if b"\\u" in line:  # an escape may hide half a surrogate pair, which no text can be written with
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise WireError("not a line of JSON in UTF-8") from error
    if not isinstance(value, dict):
        raise WireError("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key twice")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _number(value: int) -> int:
    if isinstance(value, bool) or not 0 <= value < 2**63:
        raise WireError("id must be a whole number from 0 to 2^63-1")
    return value
