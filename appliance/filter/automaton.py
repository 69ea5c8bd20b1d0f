"""All expressions of an index as one automaton: each byte of an address costs about the same, whatever a list says.

May live here: making it (Glushkov's way: a state for each byte that an expression names) and running it. May not: the
grammar (``expressions``), what a match means.

What was met together is kept as a state of its own with where it leads, and worked out only when it is met. Both are
bounded, so that neither lists nor addresses use up time or memory.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from appliance.filter.expressions import BEGIN, END, BadExpression, One, Repeat, Tree, parsed

_LONGEST: Final = 512
"""So many bytes of an address are looked at."""
_MOST_PLACES: Final = 2000
_MOST_PIECES: Final = 10_000
_IN_ONE_GO: Final = 16
"""So many are made before another thread, which serves people, may go on: a fraction of a millisecond."""
_KEPT: Final = 2000
_HARMLESS: Final = (b"a.de/", b"0.org/")


class _Piece(NamedTuple):
    """Of a part of an expression: may it be empty, which places begin it and which end it."""

    empty: bool
    first: int
    last: int


class _State:
    __slots__ = ("found", "moves", "places")

    def __init__(self, places: int, found: int) -> None:
        self.places = places
        self.found = found
        self.moves: dict[int, _State] = {}


class Automaton:
    """Finds which of ``expressions`` (numbered from 0) match; they were accepted by :func:`check`."""

    def __init__(self, expressions: Sequence[str]) -> None:
        self._follow: list[int] = []
        self._takes = [0] * (END + 1)
        self._ends: list[tuple[int, int]] = []
        self._first = 0
        self._pieces = 0
        for number, text in enumerate(expressions):
            piece = self._piece(parsed(text), len(self._follow) + _MOST_PLACES)
            if piece.empty:
                raise BadExpression("it matches every address")
            self._first |= piece.first
            self._ends.append((piece.last, 1 << number))
        self._steps = self._jumping = 0  # places that lead to the next one; that lead elsewhere, as _follow then says
        for place, follow in enumerate(self._follow):
            next_one = 2 << place
            self._steps |= 1 << place if follow & next_one else 0
            self._jumping |= 1 << place if follow & ~next_one else 0
            self._follow[place] = follow & ~next_one
        self._states: dict[int, _State] = {}
        self._moves = 0
        self._start = self._state(0)

    @property
    def size(self) -> int:
        """How many states it can be in, several at a time."""
        return len(self._follow)

    def matching(self, address: bytes) -> int:
        """Give which match anywhere in ``address`` (lower case): bit n for expression n."""
        if not self._ends:
            return 0
        state, found = self._start, 0
        for char in (BEGIN, *address[:_LONGEST], END):
            state = state.moves.get(char) or self._move(state, char)
            found |= state.found
        return found

    def _move(self, state: _State, char: int) -> _State:
        takes = self._takes[char]
        places = (self._first | self._after(state.places)) & takes
        while char >= BEGIN and (more := places | self._after(places) & takes) != places:
            places = more  # an anchor takes no byte, so that another one may stand at the same place
        if self._moves >= _KEPT * 16 or len(self._states) >= _KEPT:
            self._forget()
        to = self._state(places)
        state.moves[char] = to
        self._moves += 1
        return to

    def _after(self, places: int) -> int:
        reached = (places & self._steps) << 1
        places &= self._jumping
        while places:
            low = places & -places
            reached |= self._follow[low.bit_length() - 1]
            places ^= low
        return reached

    def _forget(self) -> None:
        for state in self._states.values():
            state.moves.clear()
        self._states = {0: self._start}
        self._moves = 0

    def _state(self, places: int) -> _State:
        state = self._states.get(places)
        if state is None:
            found = sum(number for last, number in self._ends if last & places)
            state = self._states[places] = _State(places, found)
        return state

    def _piece(self, tree: Tree, room: int) -> _Piece:
        self._pieces += 1
        if self._pieces % _IN_ONE_GO == 0:
            time.sleep(0)
        if self._pieces > _MOST_PIECES * (1 + len(self._ends)):
            raise BadExpression("it repeats too much")
        if isinstance(tree, One):
            return self._place(tree.chars, room)
        if isinstance(tree, Repeat):
            return self._repeat(tree, room)
        pieces = [self._piece(part, room) for part in tree.parts]
        if tree.either:
            return self._either(pieces)
        return self._sequence(pieces)

    def _place(self, chars: int, room: int) -> _Piece:
        if len(self._follow) >= room:
            raise BadExpression(f"written out it has more than {_MOST_PLACES} characters")
        place = 1 << len(self._follow)
        self._follow.append(0)
        while chars:
            low = chars & -chars
            self._takes[low.bit_length() - 1] |= place
            chars ^= low
        return _Piece(False, place, place)

    def _either(self, pieces: Sequence[_Piece]) -> _Piece:
        first = last = 0
        for piece in pieces:
            first |= piece.first
            last |= piece.last
        return _Piece(any(piece.empty for piece in pieces), first, last)

    def _sequence(self, pieces: Sequence[_Piece]) -> _Piece:
        whole = _Piece(True, 0, 0)
        for piece in pieces:
            self._connect(whole.last, piece.first)
            whole = _Piece(
                whole.empty and piece.empty,
                whole.first | (piece.first if whole.empty else 0),
                piece.last | (whole.last if piece.empty else 0),
            )
        return whole

    def _repeat(self, tree: Repeat, room: int) -> _Piece:
        times = max(tree.least, 1) if tree.most is None else tree.most
        pieces = []
        for number in range(times):
            piece = self._piece(tree.part, room)
            if tree.most is None and number == times - 1:
                self._connect(piece.last, piece.first)
            pieces.append(piece if number < tree.least else piece._replace(empty=True))
        return self._sequence(pieces)

    def _connect(self, last: int, first: int) -> None:
        while last:
            low = last & -last
            self._follow[low.bit_length() - 1] |= first
            last ^= low


def check(text: str) -> int:
    """Give how many states an expression needs; raises :class:`BadExpression` if it needs too many or matches all."""
    automaton = Automaton([text])
    if all(automaton.matching(address) for address in _HARMLESS):
        raise BadExpression("it matches every address")
    return automaton.size
