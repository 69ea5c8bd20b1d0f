"""What is to be done about the folders on the disk, given who there is. Pure: nothing here acts.

May live here: comparing. May not: doing any of it (``folders``). Ids are compared where ids mean anything; a home
belongs to its login, too, for a number may come back with another person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from appliance.supervisor.folders_found import HOMES, MAIL, Former, Found

_FEW: Final = 5
"""So many may always be put aside: one of a small school's nine groups is more than any share."""


@dataclass(frozen=True, slots=True)
class Step:
    """A folder to make, or to put aside: its kind, name and id; ``was``: what the folder of this group is called."""

    kind: str
    name: str
    number: int
    was: str | None = None


@dataclass(frozen=True, slots=True)
class Tidying:
    """What to do. ``withheld``: kind to how many would be put aside of how many, which is suspiciously many."""

    make: tuple[Step, ...] = ()
    aside: tuple[Step, ...] = ()
    withheld: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def tidying(found: Found, wanted: Mapping[str, Mapping[str, int]], share: float, allow_none: bool = False) -> Tidying:
    """Give what makes ``found`` as ``wanted``: by kind, the id of each name.

    Of no kind is more than ``share`` (0 to 1) put aside, nor, unless ``allow_none``, anything while nobody at all is
    wanted; nor is then made what would put one aside. An id that several names claim is left alone: it would be given
    from one to the other for ever. A home is made again, too, while its mailbox lies aside: they go together.
    """
    make: list[Step] = []
    aside: list[Step] = []
    withheld = {}
    lying = {(one.name, one.number) for one in found.former if one.kind == MAIL and found.numbered}
    for kind, names in wanted.items():
        there = {name: number for name, number in found.standing[kind].items() if number or not found.numbered}
        claimed = Counter(names.values())
        called = {number: name for name, number in there.items()} if found.numbered and kind != HOMES else {}
        missing = [
            Step(kind, name, number, called.get(number))
            for name, number in names.items()
            if claimed[number] == 1
            and (
                (kind == HOMES and (name, number) in lying)
                or not (name in there and (there[name] == number or not found.numbered))
            )
        ]
        gone = [Step(kind, name, there[name]) for name in there if not _is_somebodys(kind, name, found, names)]
        if _suspicious(gone, there, share, any_wanted=bool(names) or allow_none):
            withheld[kind] = (len(gone), len(there))
            kept, numbers = {one.name for one in gone}, {one.number for one in gone if found.numbered}
            make += [step for step in missing if step.name not in kept and step.number not in numbers]
        else:
            make += missing
            aside += gone
    left, boxes = _left_mailboxes(found, wanted[HOMES]), found.standing[MAIL]
    if _suspicious(left, boxes, share, any_wanted=bool(wanted[HOMES]) or allow_none):
        withheld[MAIL] = (len(left), len(boxes))
    else:
        aside += left
    return Tidying(tuple(make), tuple(aside), withheld)


def renamed(found: Found, wanted: Mapping[str, int]) -> int:
    """How many homes lie aside whose number another login has now: perhaps the same person, which the carer knows."""
    return sum(
        one.kind == HOMES and one.number in wanted.values() and wanted.get(one.name) != one.number
        for one in (found.former if found.numbered else ())
    )


def due(former: Iterable[Former], keep: timedelta, today: date) -> list[Former]:
    """Give those whose time is over ``today`` (UTC)."""
    return [one for one in former if one.day + keep <= today]


def _left_mailboxes(found: Found, accounts: Mapping[str, int]) -> list[Step]:
    """Give the mailboxes that have neither an account nor a home to go with, with the number of the home aside."""
    homes = {name for name, number in found.standing[HOMES].items() if number or not found.numbered}
    former = sorted((one for one in found.former if one.kind == HOMES), key=lambda one: (one.day, one.number))
    numbers = {one.name: one.number for one in former}
    return [
        Step(MAIL, name, numbers.get(name, 0)) for name in found.standing[MAIL] if name not in accounts.keys() | homes
    ]


def _suspicious(gone: Sequence[Step], there: Collection[str], share: float, any_wanted: bool) -> bool:
    return len(gone) > max(_FEW, share * len(there)) or (bool(gone) and not any_wanted)


def _is_somebodys(kind: str, name: str, found: Found, names: Mapping[str, int]) -> bool:
    if not found.numbered:
        return name in names
    number = found.standing[kind][name]
    return names.get(name) == number if kind == HOMES else number in names.values()
