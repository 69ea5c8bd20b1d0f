"""Failures counted by key, drained by time, in bounded memory.

May live here: arithmetic over failures and the table that holds them. May not: what the keys mean, a clock, a socket.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How delays grow: the first in seconds, the factor from one to the next (>= 1), the longest in seconds."""

    first_delay: float = 1.0
    factor: float = 2.0
    max_delay: float = 300.0

    @property
    def steps(self) -> float:
        """How many failures beyond the free ones lead to the longest delay; more are not counted."""
        if self.first_delay <= 0 or self.factor <= 1 or self.max_delay <= self.first_delay:
            return 1.0
        return math.log(self.max_delay / self.first_delay, self.factor) + 1.0

    def delay(self, beyond: float) -> float:
        """Return the seconds to wait after a failure that is ``beyond`` (>= 0) the last free one."""
        return min(self.max_delay, self.first_delay * math.pow(self.factor, min(beyond, self.steps)))


@dataclass(slots=True)
class _Count:
    """``failures`` as they stood ``at`` that instant; ``flying`` attempts have no outcome yet."""

    failures: float = 0.0
    at: float = 0.0
    flying: int = 0


class Counts:
    """One table of failures. The first ``free`` of a key cost nothing, then each adds a longer delay.

    Failures are forgotten evenly: ``free`` of them in ``window`` seconds. Instants are seconds of a monotonic clock.
    Attempts without an outcome count as failures, so that many guesses at once are worth no more than one by one.
    The table holds at most ``capacity`` keys; when it is full the quarter with the fewest failures goes, so whoever
    wants his own forgotten must first fail more often under that many other keys.
    """

    def __init__(self, free: int, window: float, pace: Pace, capacity: int) -> None:
        self._free = max(1, free)
        self._bar = self._free - 0.5  # rounded, for a little of each failure is forgotten before the next one
        self._window = max(1.0, window)
        self._pace = pace
        self._capacity = max(4, capacity)
        self._counts: dict[str, _Count] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def wait(self, key: str, now: float) -> float:
        """Return for how many seconds no attempt is admitted; 0 means one is admitted now."""
        count = self._counts.get(key)
        if count is None:
            return 0.0
        remaining = 0.0
        if count.failures > self._bar:
            remaining = count.at + self._pace.delay(max(0.0, count.failures - self._free)) - now
        if count.flying and self._left(count, now) + count.flying > self._bar:
            remaining = max(remaining, self._pace.first_delay)
        return max(0.0, remaining)

    def start(self, key: str, now: float) -> None:
        """Note an attempt; exactly one of ``failed`` and ``dropped`` must follow."""
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= self._capacity:
                self._evict(now)
            count = self._counts[key] = _Count(at=now)
        count.flying += 1

    def failed(self, key: str, now: float) -> None:
        """The attempt was a wrong guess."""
        count = self._counts[key]
        count.flying -= 1
        count.failures = min(self._left(count, now) + 1.0, self._free + self._pace.steps)
        count.at = now

    def dropped(self, key: str, forget: bool = False) -> None:
        """The attempt told nothing about guessing; ``forget`` (it was right) also clears the failures before it."""
        count = self._counts[key]
        count.flying -= 1
        if forget:
            count.failures = 0.0
        if not count.flying and not count.failures:
            del self._counts[key]

    def _left(self, count: _Count, now: float) -> float:
        return max(0.0, count.failures - max(0.0, now - count.at) * self._free / self._window)

    def _evict(self, now: float) -> None:
        """Drop what is forgotten anyway and, if the table is still nearly full, those with the fewest failures."""
        standing = {key: count for key, count in self._counts.items() if count.flying or self._left(count, now) > 0}
        surplus = len(standing) - self._capacity * 3 // 4
        if surplus > 0:
            idle = [key for key, count in standing.items() if not count.flying]
            for key in sorted(idle, key=lambda key: self._left(standing[key], now))[:surplus]:
                del standing[key]
        self._counts = standing
