"""When the carer is told: after how long, how often again, and once more when all is well. Pure: ``now`` is given.

May live here: that rule. May not: what is looked at (``health``), texts and mail (``alerts*``), clocks, the state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_CALM: Final = timedelta(minutes=3)


class Due(StrEnum):
    """What is to be told now."""

    NOTHING = "nothing"
    ALERT = "alert"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is red ``since`` then; ``well_since`` is set while it is not red at the moment.

    ``told_at``: when the carer last got to know.
    """

    since: datetime
    well_since: datetime | None = None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something is red ``after`` which it is told, and after how long again (``repeat``)."""

    after: timedelta
    repeat: timedelta

    @property
    def calm(self) -> timedelta:
        """Something counts as well again after so long without being red: what comes and goes is one trouble."""
        return min(self.after, _CALM)


Troubles = Mapping[str, Trouble]
"""By name: a unit, a probe, a check."""


def looked(troubles: Troubles, red: Collection[str], now: datetime, patience: Patience) -> dict[str, Trouble]:
    """Give what is known once the things named ``red``, and no others, were red at ``now``.

    What has been well for long enough goes, but for what was told while other trouble that was told goes on.
    """
    found = {name: _clamped(trouble, now) for name, trouble in troubles.items()}
    for name in red:
        found[name] = replace(found[name], well_since=None) if name in found else Trouble(now)
    for name, trouble in found.items():
        if name not in red and trouble.well_since is None:
            found[name] = replace(trouble, well_since=now)
    return {name: trouble for name, trouble in found.items() if trouble.told_at or not _over(trouble, now, patience)}


def due(troubles: Troubles, now: datetime, patience: Patience) -> Due:
    """Say what is to be told: something new that has lasted, all of it again, or that all is well."""
    told = [trouble.told_at for trouble in troubles.values() if trouble.told_at is not None]
    red = [trouble for trouble in troubles.values() if trouble.well_since is None]
    if any(trouble.told_at is None and now - trouble.since >= patience.after for trouble in red):
        return Due.ALERT
    if told and red and now - max(told) >= patience.repeat and any(trouble.told_at for trouble in red):
        return Due.ALERT
    if told and all(_over(trouble, now, patience) for trouble in troubles.values() if trouble.told_at is not None):
        return Due.WELL
    return Due.NOTHING


def told(troubles: Troubles, what: Due, now: datetime) -> dict[str, Trouble]:
    """Give what is known once ``what`` was told at ``now``."""
    if what is Due.WELL:
        return {name: trouble for name, trouble in troubles.items() if trouble.told_at is None}
    if what is Due.ALERT:
        return {
            name: replace(trouble, told_at=now) if trouble.well_since is None else trouble
            for name, trouble in troubles.items()
        }
    return dict(troubles)


def _over(trouble: Trouble, now: datetime, patience: Patience) -> bool:
    return trouble.well_since is not None and now - trouble.well_since >= patience.calm


def _clamped(trouble: Trouble, now: datetime) -> Trouble:
    """Bring instants that lie ahead, because a clock was put right meanwhile, down to ``now``."""
    return Trouble(
        min(trouble.since, now),
        min(trouble.well_since, now) if trouble.well_since else None,
        min(trouble.told_at, now) if trouble.told_at else None,
    )
