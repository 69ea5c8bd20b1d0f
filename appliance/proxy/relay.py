"""Bytes both ways between a client and an origin once a tunnel is open: moved, counted, ended by either.

May live here: the two directions, when one is busy enough for a pipe, half-closed ends. May not: how a pipe moves bytes
(``splice``), what may pass (``session``), how a tunnel opens (``opening``). Nothing is kept of a tunnel in which
nothing moves: ten thousand of them are open at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.policy.request import Action
from appliance.proxy.pace import Pace
from appliance.proxy.replies import Refused
from appliance.proxy.session import Outcome, WebSession
from appliance.proxy.splice import Pipe
from appliance.proxy.wire import PIECE, Receiver, Wire

if TYPE_CHECKING:
    from appliance.proxy.desk import Desk

_TURN: Final = 1 << 20
"""Bytes of one direction in one turn: then others get theirs."""
_STEP: Final = 1024
"""What a piece counts at the least: a turn of single bytes, each a record of TLS, is not longer than others."""
_LOOK: Final = 60.0
"""Seconds after which a tunnel is looked at anyway: how long it may rest can be set to less."""
_CALM: Final = PIECE // 4
_UP, _DOWN, _BOTH, _OVER = 1, 2, 3, 4


class _Rush:
    """A direction in which bytes come faster than they can be read one piece at a time."""

    __slots__ = ("pipe",)

    def __init__(self) -> None:
        self.pipe: Pipe | None = None

    @property
    def holds(self) -> bool:
        """Whether there are bytes in its pipe."""
        return self.pipe is not None and self.pipe.held > 0


class Tunnel(Receiver):
    """Joins ``client`` and ``upstream`` until both have ended, one fails, or ``session`` ends."""

    __slots__ = (
        "_client", "_desk", "_down", "_ended", "_rush_down", "_rush_up", "_seen", "_session", "_up", "_upstream",
    )  # fmt: skip

    def __init__(self, desk: Desk, client: Wire, upstream: Wire, session: WebSession) -> None:
        self._desk = desk
        self._client = client
        self._upstream = upstream
        self._session = session
        self._ended = 0
        self._rush_up: _Rush | None = None
        self._rush_down: _Rush | None = None
        self._seen = desk.poller.now
        self._up = session.pace(Action.WRITE, self._go_up) if session.paced else None
        self._down = session.pace(Action.FETCH, self._go_down) if session.paced else None

    def start(self, first: bytes) -> None:
        """Begin, instead of who had the client until now; ``first`` is what the client has sent already."""
        self._client.receiver = self._upstream.receiver = self
        self._session.flow = self
        self._desk.deadlines.watch(self._client, self._seen + min(self._patience, _LOOK))
        if first and not self._passes(_UP, len(first)):
            return
        if first:
            self._upstream.write(first)
        if self._client.readable:
            self._go_up()
        if self._upstream.readable:
            self._go_down()

    # what the wires tell

    def readable(self, wire: Wire) -> None:
        """Pass on what has come."""
        upward = wire is self._client
        if wire.gone and self._ended & (_UP if upward else _DOWN):
            self._cut(Outcome.BROKEN_OFF)  # it has sent all, and now nobody is there for what comes back
        elif upward:
            self._go_up()
        else:
            self._go_down()

    def drained(self, wire: Wire) -> None:
        """Go on where ``wire`` could take no more."""
        if wire is self._upstream:
            self._go_up()
        else:
            self._go_down()

    # as the sweep and the policy see it

    def tick(self, now: float) -> float | None:
        """End what nothing moves in."""
        due = self._seen + self._patience
        if now < due:
            return min(due, now + _LOOK)
        self._cut(Outcome.BROKEN_OFF)
        return None

    def leave(self) -> None:
        """End: the service stops."""
        self._cut(Outcome.BROKEN_OFF)

    def drop(self) -> None:
        """End at once."""
        self._cut(Outcome.BROKEN_OFF)

    def stop(self, _refused: Refused) -> None:
        """End: the policy says no."""
        self._cut(Outcome.REFUSED)

    def _cut(self, outcome: Outcome) -> None:
        """End both at once, so that it shows."""
        self._client.reset()
        self._upstream.reset()
        self._finish(outcome)

    @property
    def _patience(self) -> float:
        return self._desk.times.answer if self._ended else self._desk.times.tunnel

    # how bytes move

    def _move(self, direction: int, source: Wire, sink: Wire) -> None:
        left = _TURN
        try:
            while not (self._ended & direction or sink.blocked):
                rush = self._rush_up if direction == _UP else self._rush_down
                if not (source.readable or (rush is not None and rush.holds)):
                    return
                if left <= 0:
                    source.poller.again(source)
                    return
                moved = self._step(direction, rush, source, sink)
                if moved is None:
                    return
                left -= max(moved, _STEP)
        except OSError:
            self._cut(Outcome.BROKEN_OFF)

    def _step(self, direction: int, rush: _Rush | None, source: Wire, sink: Wire) -> int | None:
        """Move one piece; gives its bytes, ``None`` when there is nothing more for now."""
        pace = self._up if direction == _UP else self._down
        if rush is not None:
            return self._splice(direction, rush, pace, source, sink)
        most = PIECE if pace is None else pace.room(PIECE)
        data = source.read(most) if most else None
        if pace is not None:
            pace.unused(most - len(data or b""))
        if data is None:
            return None
        if not data:
            self._end_of(direction, source, sink)
            return None
        if not self._passes(direction, len(data)):
            return None
        sink.write(data)
        if len(data) == PIECE and source.plain and sink.plain:
            self._hurry(direction, _Rush())
        return len(data) if source.readable else None

    def _splice(self, direction: int, rush: _Rush, pace: Pace | None, source: Wire, sink: Wire) -> int | None:
        """The same by a pipe: filled when it is empty, then emptied as far as the sink takes it."""
        pipe = rush.pipe = rush.pipe or self._desk.pipes.take()
        if pipe is None:
            self._hurry(direction, None)
            return 0
        filled = None
        if not pipe.held:
            filled = self._fill(pipe, pace, source)
            if not filled:
                rush.pipe = None
                self._desk.pipes.give(pipe)
                if filled == 0:
                    self._end_of(direction, source, sink)
                return None
            if not self._passes(direction, filled):
                return None
        while pipe.held and pipe.empty(sink.descriptor):
            continue
        if pipe.held:
            sink.wait()
        elif filled is not None and filled < _CALM:
            self._hurry(direction, None)
            self._desk.pipes.give(pipe)
        return filled or 0

    def _fill(self, pipe: Pipe, pace: Pace | None, source: Wire) -> int | None:
        most = pipe.size if pace is None else pace.room(pipe.size)
        filled = pipe.fill(source.descriptor, most) if most else None
        if pace is not None:
            pace.unused(most - (filled or 0))
        if most and filled is None:
            source.readable = False
        return filled

    def _go_up(self) -> None:
        self._move(_UP, self._client, self._upstream)

    def _go_down(self) -> None:
        self._move(_DOWN, self._upstream, self._client)

    def _hurry(self, direction: int, rush: _Rush | None) -> None:
        if direction == _UP:
            self._rush_up = rush
        else:
            self._rush_down = rush

    def _passes(self, direction: int, size: int) -> bool:
        """Count ``size`` bytes; whether they may pass, or else it is over."""
        self._seen = now = self._desk.poller.now
        session = self._session
        if session.count_up(size, now) if direction == _UP else session.count_down(size, now):
            return True
        self._cut(Outcome.REFUSED)
        return False

    def _end_of(self, direction: int, source: Wire, sink: Wire) -> None:
        """One side sends no more: the other one hears it; when both do not, it is over."""
        self._ended |= direction
        if self._ended != _BOTH:
            if source.gone:  # we have not ended the other direction: it is broken
                self._cut(Outcome.BROKEN_OFF)
                return
            sink.finish()
            self._seen = now = self._desk.poller.now
            self._desk.deadlines.watch(self._client, now + self._patience)
            return
        self._client.end()
        self._upstream.end()
        self._finish(Outcome.DONE)

    def _finish(self, outcome: Outcome) -> None:
        if self._ended & _OVER:
            return
        self._ended = _BOTH | _OVER
        for rush in (self._rush_up, self._rush_down):
            if rush is not None and rush.pipe is not None:
                self._desk.pipes.give(rush.pipe)
        for pace in (self._up, self._down):
            if pace is not None:
                pace.end()
        self._desk.forget(self._client)
        self._desk.sessions.remove(self._session)
        self._session.over(outcome)
