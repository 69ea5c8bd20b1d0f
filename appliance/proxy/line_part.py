"""How much of the line is whose when several workers serve it.

May live here: that rule. May not: tokens (``line``), telling each other (``gossip``).

Those who take little take it first; the rest is divided among the accounts that wait, each counted once, however many
workers serve it. A worker where nobody waits keeps room for one who would: he has his part at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class Wants:
    """What one worker saw: ``light`` bytes a second of those who did not wait, and who waited, as hashes."""

    light: float
    hungry: frozenset[int]


def part(rate: float, own: Wants, others: Sequence[Wants]) -> float:
    """Give how much (above 0 to 1) of the line's ``rate`` (bytes a second) is the worker's that saw ``own``."""
    served = _served(own, others)
    rest = max(rate - own.light - sum(one.light for one in others), rate * _LEAST)
    if own.hungry:
        mine = rest * sum(1 / served[account] for account in own.hungry) / len(served)
    else:
        mine = rest / (len(served) + 1)
    return min(1.0, (own.light + mine) / rate)


def weights(own: Wants, others: Sequence[Wants]) -> dict[int, float]:
    """Give how much those count here whom other workers serve, too."""
    served = _served(own, others)
    return {account: 1 / served[account] for account in own.hungry if served[account] > 1}


def _served(own: Wants, others: Sequence[Wants]) -> Counter[int]:
    """At how many workers each account waits."""
    return Counter(account for one in (own, *others) for account in one.hungry)
