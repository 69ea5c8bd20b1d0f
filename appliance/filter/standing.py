"""Whether the lists are well: each closed category has one, none is stale, what was refused is told.

May live here: rules about the record, and their words. Pure. May not: reading it (``record``), which categories are
closed to whom.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from appliance.filter.record import Kept, Record
from appliance.filter.sources import Item

UPDATE: Final = "schoolserver web lists update"
"""The command that renews the lists."""

_SHOWN: Final = 12


def judged(
    record: Record, lists: Iterable[Item], closed: Collection[str], stale: float, now: datetime
) -> tuple[bool, str]:
    """Whether all is well with the ``lists`` where these categories are ``closed``, and why.

    A list that could not be asked for since ``stale`` seconds before ``now`` (aware) is stale; one that was refused is
    told at once and is bad when it has become stale.
    """
    lists = tuple(lists)
    if record.made is None and not closed:
        return True, "not needed: no category is closed"
    if record.made is None:
        return False, f"nothing is blocked yet: no lists were fetched{_because(record, lists)}; try: {UPDATE}"
    missing = sorted(category for category in closed if not record.entries.get(category))
    if missing:
        return False, f"nothing is blocked of {_few(missing)}: no list has it{_because(record, lists)} (see web.yaml)"
    if record.problem:
        return False, f"{record.problem}; the former one goes on"
    old = [item for item in lists if age(_kept(record, item), now) > timedelta(seconds=stale)]
    if old:
        return False, f"stale: {_few([item.title for item in old])}{_because(record, old)}; try: {UPDATE}"
    oldest = max((age(_kept(record, item), now) for item in lists), default=timedelta())
    said = f"{sum(record.entries.values()):,} entries in {len(record.entries)} categories"
    said += f", the oldest list is of {shown(oldest)} ago" if lists else ""
    problems = sum(bool(_kept(record, item).problem) for item in lists)
    return True, said + (f"; {problems} not renewed, see: schoolserver web lists" if problems else "")


def age(kept: Kept, now: datetime) -> timedelta:
    """How long ago a list was the newest; without end if it never was."""
    return timedelta.max if kept.checked is None else max(now - kept.checked, timedelta())


def shown(span: timedelta) -> str:
    """``span`` in hours or days."""
    hours = int(span.total_seconds() // 3600)
    return f"{hours} h" if hours < 72 else f"{span.days} days"


def _kept(record: Record, item: Item) -> Kept:
    return record.lists.get(item.key, Kept())


def _because(record: Record, lists: Iterable[Item]) -> str:
    """The first reason why one of ``lists`` was not renewed."""
    return next((f" ({problem})" for problem in _problems(record, lists)), "")


def _problems(record: Record, lists: Iterable[Item]) -> Iterator[str]:
    for item in lists:
        if problem := _kept(record, item).problem:
            yield f"{item.categories[0]}: {problem}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
