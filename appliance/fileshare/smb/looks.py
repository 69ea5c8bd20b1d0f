"""Which smbds are looked at now: all of them seldom, and in between those alone whose guests have little space left.

May live here: the choice. May not: the look itself (``service``), who has little left (``tally``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from appliance.fileshare.smb.guests import Seat

EVERY: Final = (0.5, 0.05)
"""Seconds between two looks at all, and at those with little space."""


class Looks:
    """Made when nobody is there yet; instants are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._near: list[Seat] = []
        self._all_at = 0.0

    def add(self, seat: Seat) -> None:
        """Look soon at one who has just come, too."""
        self._near.append(seat)

    def seats(self, everybody: Collection[Seat], now: float) -> list[Seat]:
        """Give those of ``everybody`` whose turn it is."""
        if not self._near or now >= self._all_at:
            self._all_at = now + EVERY[0]
            return list(everybody)
        here = set(map(id, everybody))
        return [seat for seat in self._near if id(seat) in here]

    def after(self, seen: Iterable[Seat], pressing: Collection[int]) -> float:
        """Take note of who of ``seen`` has little left (by uid); gives the seconds until the next look."""
        self._near = [seat for seat in seen if any(guest.uid in pressing for guest in seat.guests.values())]
        return EVERY[bool(self._near)]
