"""When to look at what is open: thousands of connections wait for something, and few of them are late.

May live here: instants in buckets. May not: what being late means. Who moves on before its instant need not say so: it
is looked at, and gives the next one.
"""

from __future__ import annotations

import logging
from typing import Final, Protocol

from appliance.daemon.logs import describe

_log = logging.getLogger(__name__)
_PER_SECOND: Final = 4


class Timed(Protocol):
    """Something that can be late."""

    def tick(self, now: float) -> float | None:
        """End what takes too long at ``now`` (s, monotonic); give when to look again, ``None``: never."""
        ...


class Deadlines:
    """All instants of one worker; ``now`` is monotonic (s), and who is late is looked at a quarter of one later."""

    def __init__(self, now: float) -> None:
        self._buckets: dict[int, dict[Timed, None]] = {}
        self._done = int(now * _PER_SECOND)

    def watch(self, one: Timed, at: float) -> None:
        """Look at ``one`` at ``at``."""
        self._buckets.setdefault(max(int(at * _PER_SECOND), self._done) + 1, {})[one] = None

    def forget(self, one: Timed, at: float) -> None:
        """Do not look at ``one`` at ``at`` after all: it is over, and there are many like it."""
        bucket = self._buckets.get(int(at * _PER_SECOND) + 1)
        if bucket is not None:
            bucket.pop(one, None)

    def sweep(self, now: float) -> None:
        """Look at all whose instant has come."""
        last = int(now * _PER_SECOND)
        due = [number for number in self._buckets if number <= last] if last > self._done else []
        self._done = last
        for number in sorted(due):
            for one in self._buckets.pop(number):
                try:
                    again = one.tick(now)
                except Exception as error:  # the fault of one: the others are looked at still
                    _log.error("what was late could not be ended: %s", describe(error))
                    continue
                if again is not None:
                    self.watch(one, again)
