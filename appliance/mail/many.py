"""Whether a message goes to more people, or is more, than its sender may write (K09): at once, and within an hour.

May live here: counts put to the rules. May not: counting over time (``tally``), what is counted (``boxes``), replies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appliance.policy.decision import Reason, Rule
from appliance.policy.mailing import Bounds

_KIB = 1024
_HOUR = 3600.0
_MOMENT = 1.0


class Hours(Protocol):
    """What each account, or each device, wrote within the last hour: :class:`appliance.mail.tally.Tally`."""

    def in_last_hour(self, uid: int, now: datetime) -> int:
        """Give the recipients, or the KiB, of an account."""
        ...

    def free_at(self, uid: int, count: int, most: int, now: datetime) -> datetime | None:
        """Give from when on ``count`` more are no more than ``most`` in an hour; ``None``: never."""
        ...

    def add(self, uid: int, count: int, now: datetime) -> None:
        """Note recipients, or the KiB, of a message; what is below 0 takes back."""
        ...


@dataclass(frozen=True, slots=True)
class TooMany:
    """Not, because of ``reason`` and ``rule``: never so many at once, or not before ``retry_after`` seconds."""

    reason: Reason
    rule: Rule
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Counted:
    """Somebody who is counted under his ``number`` and kept within ``bounds``.

    ``hours`` count his recipients, ``weights`` the KiB that they got: the size of a message once for each.
    """

    bounds: Bounds
    number: int
    hours: Hours
    weights: Hours

    def too_many(self, recipients: int, size: int, now: datetime) -> TooMany | None:
        """Say what stands against a message of ``size`` bytes (0: not known) to ``recipients`` at ``now`` (aware)."""
        wide = self.bounds.too_wide(recipients)
        if wide is not None:
            return TooMany(Reason.TOO_MANY, wide)
        full = self.bounds.hour_full(self.hours.in_last_hour(self.number, now), recipients)
        if full is not None:
            free = self.hours.free_at(self.number, recipients, self.bounds.per_hour, now)
            return _later(Reason.HOUR_FULL, full, free, now) or TooMany(Reason.TOO_MANY, full)
        weight = _weight(recipients, size)
        if not weight:
            return None
        spent = self.bounds.hour_spent(self.weights.in_last_hour(self.number, now) * _KIB, weight * _KIB)
        if spent is None:
            return None
        free = self.weights.free_at(self.number, weight, self.bounds.bytes_per_hour // _KIB, now)
        return _later(Reason.HOUR_SPENT, spent, free, now) or TooMany(Reason.TOO_MUCH, spent)

    def count(self, recipients: int, size: int, now: datetime) -> TooMany | None:
        """Count a message that is about to be sent, unless something stands against it.

        It is counted first and then looked at with all that others count: of two workers at the same moment neither
        takes the other for room that is left.
        """
        wide = self.bounds.too_wide(recipients)
        if wide is not None:
            return TooMany(Reason.TOO_MANY, wide)
        weight = _weight(recipients, size)
        self._add(recipients, weight, now)
        over = self._over(now)
        if over is None:
            return None
        self._add(-recipients, -weight, now)
        # Whoever counted at the same moment may have taken it back by now, too.
        return self.too_many(recipients, size, now) or over

    def _over(self, now: datetime) -> TooMany | None:
        full = self.bounds.hour_full(self.hours.in_last_hour(self.number, now), 0)
        if full is not None:
            return TooMany(Reason.HOUR_FULL, full, _MOMENT)
        spent = self.bounds.hour_spent(self.weights.in_last_hour(self.number, now) * _KIB, 0)
        return None if spent is None else TooMany(Reason.HOUR_SPENT, spent, _MOMENT)

    def _add(self, recipients: int, weight: int, now: datetime) -> None:
        self.hours.add(self.number, recipients, now)
        self.weights.add(self.number, weight, now)


def _weight(recipients: int, size: int) -> int:
    """Give the KiB that all recipients get, rounded up."""
    return -(-recipients * size // _KIB)


def _later(reason: Reason, rule: Rule, free: datetime | None, now: datetime) -> TooMany | None:
    """Say when there is room; ``None``: never. An hour slides in steps, but nobody is told of more than 60 min."""
    if free is None:
        return None
    return TooMany(reason, rule, min(max((free - now).total_seconds(), 1.0), _HOUR))
