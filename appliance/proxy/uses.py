"""The record of use, gathered: what one account does at one site within a moment is one record (K36).

A browser opens a dozen connections to a site at once. May live here: what is told together. May not: when a use is over
(``session``), what the record says (``policy.events``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from appliance.policy.events import Kind
from appliance.session.house import House

MOMENT: Final = 1.0
"""Seconds that uses wait for others like them: as many are lost when a worker is killed."""
_MOST: Final = 1_000


class Use(NamedTuple):
    """Who was where and how it ended, in the words of ``Kind.WEB_USED``; ``login`` is empty for nobody's device."""

    login: str
    address: str
    host: str
    port: int
    way: str
    outcome: str


class _Sum:
    __slots__ = ("down", "requests", "since", "up")

    def __init__(self, since: datetime) -> None:
        self.since = since
        self.requests = self.up = self.down = 0


class Uses:
    """The uses of a worker that are not recorded yet; :meth:`tell` is to be called every :data:`MOMENT`."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sums: dict[Use, _Sum] = {}

    def add(self, use: Use, since: datetime, requests: int, up: int, down: int) -> None:
        """Count ``requests`` that began at ``since`` and moved ``up`` and ``down`` bytes."""
        found = self._sums.get(use)
        if found is None:
            if len(self._sums) >= _MOST:
                self.tell()
            found = self._sums[use] = _Sum(since)
        elif since < found.since:
            found.since = since
        found.requests += requests
        found.up += up
        found.down += down

    def tell(self) -> None:
        """Record them all."""
        sums, self._sums = self._sums, {}
        for use, one in sums.items():
            self._house.record(
                Kind.WEB_USED,
                **use._asdict(),
                since=one.since.isoformat(),
                requests=one.requests,
                up=one.up,
                down=one.down,
            )
