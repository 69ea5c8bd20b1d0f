"""How long to wait before a unit that ended is started again. Pure: no clock."""

from __future__ import annotations

FIRST = 0.1
LONGEST = 10.0
STEADY = 60.0


class Backoff:
    """The first pause is 0.1 s, each further one twice as long up to 10 s; 60 s of service start the count anew."""

    def __init__(self) -> None:
        self._next = FIRST

    def pause(self, served: float) -> float:
        """Seconds to wait now that the unit has ended after being ready for ``served`` seconds."""
        if served >= STEADY:
            self._next = FIRST
        pause, self._next = self._next, min(self._next * 2, LONGEST)
        return pause

    def reset(self) -> None:
        """Forget the failures: somebody has looked after the unit."""
        self._next = FIRST
