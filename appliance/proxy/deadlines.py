"""When to look at what is open: thousands of connections wait for something, and few of them are late.

May live here: instants in buckets. May not: what being late means. Who moves on before its instant need not say so: it
is looked at, and gives the next one.
"""

from __future__ import annotations

import logging
import math
from typing import Final, Protocol

from appliance.daemon.logs import describe

_log = logging.getLogger(__name__)
_PER_SECOND: Final = 4
NEVER: Final = math.inf


class Timed(Protocol):
    """Something that can be late; ``due`` is when it is looked at, and is set here."""

    due: float

    def tick(self, now: float) -> float | None:
        """End what takes too long at ``now`` (s, monotonic); give when to look again, ``None``: never."""
        ...


class Deadlines:
    """All instants of one worker; ``now`` is monotonic (s), and who is late is looked at a quarter of one later."""

    def __init__(self, now: float) -> None:
        self._buckets: dict[int, dict[Timed, None]] = {}
        self._done = int(now * _PER_SECOND)

    def watch(self, one: Timed, at: float) -> None:
        """Look at ``one`` at ``at``, if it is not looked at before."""
        if at >= one.due:
            return
        self.forget(one)
        one.due = at
        number = self._number(at)
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = {}
        bucket[one] = None

    def forget(self, one: Timed) -> None:
        """Do not look at ``one`` after all: it is over, and there are many like it."""
        if one.due < NEVER:
            bucket = self._buckets.get(self._number(one.due))
            if bucket is not None:
                bucket.pop(one, None)
            one.due = NEVER

    def sweep(self, now: float) -> None:
        """Look at all whose instant has come."""
        last = int(now * _PER_SECOND)
        due = [number for number in self._buckets if number <= last] if last > self._done else []
        self._done = last
        for number in sorted(due):
            for one in self._buckets.pop(number):
                if one.due * _PER_SECOND >= number:  # forgotten, or put off, because of another one
                    continue
                one.due = NEVER
                try:
                    again = one.tick(now)
                except Exception as error:  # the fault of one: the others are looked at still
                    _log.error("what was late could not be ended: %s", describe(error))
                    continue
                if again is not None:
                    self.watch(one, again)

    def _number(self, at: float) -> int:
        """Give the bucket of ``at``: the next one to be swept if that instant has passed."""
        return max(int(at * _PER_SECOND), self._done) + 1
