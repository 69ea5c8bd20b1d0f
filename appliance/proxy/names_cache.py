"""Answers that are kept: bounded in number and in time, the ones used longest ago go first.

May live here: how long answers count, pure. May not: where they come from.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

LEAST: Final = 5.0
"""Seconds for which an answer counts at the least; also "nobody could say": who is down is not asked all the time."""
MOST: Final = 3600.0
STALE: Final = 600.0
"""Seconds for which an answer that is over is used if no new one comes (RFC 8767)."""
_V = TypeVar("_V")


class Cache(Generic[_V]):
    """At most ``most`` answers by key. ``now`` is monotonic, in seconds."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[float, float, _V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def fresh(self, key: str, now: float) -> _V | None:
        """Give the answer that counts."""
        found = self._kept.get(key)
        if found is None or found[0] <= now:
            return None
        self._kept.move_to_end(key)
        return found[2]

    def stale(self, key: str, now: float) -> _V | None:
        """Give the answer that counts or has counted not long ago."""
        found = self._kept.get(key)
        return None if found is None or found[1] <= now else found[2]

    def put(self, key: str, value: _V, now: float, seconds: float, stale: bool = True) -> None:
        """Keep ``value`` for ``seconds``, within the bounds; ``stale``: it is of use when it is over."""
        until = now + min(max(seconds, LEAST), MOST)
        self._kept[key] = until, until + STALE if stale else until, value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def prolong(self, key: str, now: float) -> None:
        """Let an answer that is over count again for a moment, its last day staying the same."""
        found = self._kept.get(key)
        if found is not None:
            self._kept[key] = max(found[0], min(now + LEAST, found[1])), found[1], found[2]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
