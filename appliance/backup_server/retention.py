"""Which snapshots and dumps stay. Pure: names in, names out; the moments in them are this machine's own.

May live here: the rule. May not: removing anything, or what the school's server wishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from appliance.backup_server.names import moment

_ALL_OF = timedelta(days=2)


def kept(names: Sequence[str], days: int, weeks: int, months: int) -> frozenset[str]:
    """Which of the snapshots ``names`` stay: the newest of each of the last ``days``, ``weeks`` and ``months``.

    Counted are days, weeks and months that have a snapshot, so that a school that was closed loses none. The newest
    one stays, and each made in the two days before it: what was lost in between may be in one of them.
    """
    newest = sorted(names, reverse=True)
    stay = {name for name in newest if moment(newest[0]) - moment(name) < _ALL_OF}
    for form, most in (("%Y-%m-%d", days), ("%G-%V", weeks), ("%Y-%m", months)):
        first_of: dict[str, str] = {}
        for name in newest:
            first_of.setdefault(f"{moment(name):{form}}", name)
        stay.update(list(first_of.values())[:most])
    return frozenset(stay)


def kept_dumps(dumps: Sequence[str], snapshots: Sequence[str], days: int) -> frozenset[str]:
    """Which dumps stay: those of ``snapshots`` not more than ``days`` older than the newest snapshot.

    The newest of them stays however old: without one nothing can be restored as a whole, and a school that has burnt
    down in the holidays makes no other.
    """
    paired = sorted(set(dumps) & set(snapshots))
    if not paired:
        return frozenset()
    newest = moment(max(snapshots))
    return frozenset({paired[-1], *(name for name in paired if newest - moment(name) <= timedelta(days=days))})
