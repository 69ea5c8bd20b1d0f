"""How often something may happen, by whom: so many at once, and one more after each interval. Pure but for the clock.

May live here: numbers. May not: what happens when it was too often.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

_MANY: Final = 1000  # entries at which those that say nothing any more are dropped


class Rate:
    """At most ``burst`` at once of each key, and one more every ``interval`` seconds; ``clock`` is monotonic."""

    def __init__(self, burst: int, interval: float, clock: Callable[[], float] | None = None) -> None:
        self._span = (burst - 1) * interval
        self._interval = interval
        self._clock = clock
        self._free: dict[Hashable, float] = {}  # when all that happened is forgotten
        self._look_at = _MANY

    def __len__(self) -> int:
        return len(self._free)

    def may(self, key: Hashable) -> bool:
        """Whether it may happen now to ``key``; if so it has happened."""
        now = (self._clock or time.monotonic)()
        free = max(self._free.get(key, now), now)
        if free - now > self._span:
            return False
        self._free[key] = free + self._interval
        if len(self._free) > self._look_at:
            self._free = {one: until for one, until in self._free.items() if until > now}
            self._look_at = max(2 * len(self._free), _MANY)
        return True
