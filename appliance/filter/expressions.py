"""Regular expressions of lists (squidGuard's ``expressions``: POSIX, extended): read into a tree, strange ones refused.

May live here: the grammar. May not: matching (``automaton``), which takes the same time for each byte whatever the
expression: Python's own would let a list stop a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BEGIN: Final = 256
END: Final = 257
"""What ``^`` and ``$`` are: bytes before the first and after the last."""
_ANY: Final = (1 << 256) - 1
_DIGITS: Final = sum(1 << one for one in b"0123456789")
_LOWER: Final = sum(1 << one for one in range(ord("a"), ord("z") + 1))
_SPACE: Final = sum(1 << one for one in b" \t\n\r\f\v")
_WORD: Final = _DIGITS | _LOWER | 1 << ord("_")
_PUNCTUATION: Final = sum(1 << one for one in b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_CLASSES: Final = {
    b"alpha": _LOWER, b"lower": _LOWER, b"upper": _LOWER, b"digit": _DIGITS, b"alnum": _LOWER | _DIGITS,
    b"space": _SPACE, b"punct": _PUNCTUATION, b"xdigit": _DIGITS | 0b111111 << ord("a"),
}  # fmt: skip
_ESCAPES: Final = {"w": _WORD, "d": _DIGITS, "s": _SPACE, "W": _ANY & ~_WORD, "D": _ANY & ~_DIGITS, "S": _ANY & ~_SPACE}
_LONGEST: Final = 4096
_DEEPEST: Final = 50
_IN_A_ROW: Final = 4
_MOST: Final = 255
"""Repetitions, as POSIX has it."""


class BadExpression(Exception):
    """An expression cannot be taken; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class One:
    """One byte out of ``chars``: bit n for byte n, :data:`BEGIN` or :data:`END`."""

    chars: int


@dataclass(frozen=True, slots=True)
class Many:
    """``parts`` one after the other, or ``either`` of them."""

    parts: tuple[Tree, ...]
    either: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """``part`` at least so many times and at the most so many, ``None``: any number."""

    part: Tree
    least: int
    most: int | None


Tree = One | Many | Repeat


def parsed(text: str) -> Tree:
    """Read an expression; upper case is read as lower case. Raises :class:`BadExpression`."""
    if len(text) > _LONGEST:
        raise BadExpression(f"it is longer than {_LONGEST} characters")
    reader = _Reader(text.encode(errors="surrogateescape"))
    tree = reader.either(0)
    if reader.at < len(reader.text):
        raise BadExpression("a group is closed that was not opened")
    return tree


class _Reader:
    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0

    def either(self, depth: int) -> Tree:
        if depth > _DEEPEST:
            raise BadExpression(f"groups are nested more than {_DEEPEST} deep")
        branches = [self._sequence(depth)]
        while self._next(b"|"):
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else Many(tuple(branches), either=True)

    def _sequence(self, depth: int) -> Tree:
        parts: list[Tree] = []
        while self.at < len(self.text) and self.text[self.at] not in b"|)":
            parts.append(self._repeated(self._atom(depth)))
        return Many(tuple(parts))

    def _next(self, wanted: bytes) -> bool:
        if self.text.startswith(wanted, self.at):
            self.at += len(wanted)
            return True
        return False

    def _repeated(self, part: Tree) -> Tree:
        for _ in range(_IN_A_ROW):
            for sign, least, most in ((b"*", 0, None), (b"+", 1, None), (b"?", 0, 1)):
                if self._next(sign):
                    part = Repeat(part, least, most)
                    break
            else:
                if not self._next(b"{"):
                    return part
                part = self._counted(part)
        raise BadExpression(f"{_IN_A_ROW} repetitions follow one another")

    def _counted(self, part: Tree) -> Tree:
        end = self.text.find(b"}", self.at)
        low, comma, high = self.text[self.at : max(end, self.at)].partition(b",")
        if end < 0 or not low.isdigit() or not (high.isdigit() or not high):
            raise BadExpression("a repetition is not of the form {2}, {2,} or {2,5}")
        least, most = int(low[:4]), (int(high[:4]) if high else None) if comma else int(low[:4])
        if max(least, most or 0) > _MOST or (most is not None and most < least):
            raise BadExpression(f"a repetition is not between 0 and {_MOST}, or ends before it begins")
        self.at = end + 1
        return Repeat(part, least, most)

    def _atom(self, depth: int) -> Tree:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if char == b"(":
            if self._next(b"?") and not self._next(b":"):
                raise BadExpression("a group begins with (?, which is not of POSIX")
            inner = self.either(depth + 1)
            if not self._next(b")"):
                raise BadExpression("a group is not closed")
            return inner
        if char == b"[":
            return One(self._bracket())
        if char == b"\\":
            return One(self._escape())
        if char in b"*+?{":
            raise BadExpression("a repetition has nothing before it")
        known = {b".": _ANY, b"^": 1 << BEGIN, b"$": 1 << END}
        return One(known.get(char) or 1 << char.lower()[0])

    def _escape(self) -> int:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if not char:
            raise BadExpression("it ends with a backslash")
        if not char.isalnum():
            return 1 << char[0]
        known = _ESCAPES.get(char.decode())
        if known is None:
            raise BadExpression("a backslash stands before a letter or digit that means nothing here")
        return known

    def _bracket(self) -> int:
        negated = self._next(b"^")
        chars, first = 0, True
        while first or not self._next(b"]"):
            first = False
            chars |= self._bracketed()
        return _ANY & ~chars if negated else chars

    def _bracketed(self) -> int:
        if self._next(b"[:"):
            name, _, rest = self.text[self.at :].partition(b":]")
            if name not in _CLASSES:
                raise BadExpression("a class of characters is not known")
            self.at = len(self.text) - len(rest)
            return _CLASSES[name]
        low = self._single()
        if self.text[self.at : self.at + 1] != b"-" or self.text[self.at + 1 : self.at + 2] in (b"]", b""):
            return 1 << ord(chr(low).lower()) if low < 128 else 1 << low
        self.at += 1
        high = self._single()
        if high < low:
            raise BadExpression("a range of characters ends before it begins")
        return sum({1 << one for one in bytes(range(low, high + 1)).lower()})

    def _single(self) -> int:
        if self.at >= len(self.text):
            raise BadExpression("a bracket is not closed")
        self.at += 1
        return self.text[self.at - 1]
