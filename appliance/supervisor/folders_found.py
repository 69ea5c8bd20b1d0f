"""What the privileged helper found on the disk: folders that stand, and those put aside.

May live here: reading its answer. May not: what follows from it (``folders_rule``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

HOMES: Final = "homes"
GROUPS: Final = "groups"
MAIL: Final = "mail"
"""Mailboxes, which have no id of their own: each goes with the home of its login."""


@dataclass(frozen=True, slots=True)
class Former:
    """A folder that was put aside on ``day`` (UTC), what it was called and the id that it belonged to."""

    kind: str
    name: str
    number: int
    day: date


@dataclass(frozen=True, slots=True)
class Found:
    """What is on the disk: by kind, each folder's id by its name; ``numbered``: whether these ids mean anything."""

    standing: Mapping[str, Mapping[str, int]]
    former: tuple[Former, ...] = ()
    numbered: bool = True

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Found:
        """Take what the privileged helper says."""
        former = (Former(kind, name, number, date.fromisoformat(day)) for kind, name, number, day in answer["former"])
        standing = {HOMES: answer[HOMES], GROUPS: answer[GROUPS], MAIL: answer.get(MAIL, {})}  # an older one knows none
        return cls(standing, tuple(former), answer["numbered"])

    def highest(self, first: int, last: int) -> int:
        """Give the highest id of ``first`` to ``last`` that any of them belongs to, 0 if none does.

        What is given to somebody new lies above: folders outlive a directory that begins anew.
        """
        numbers = [number for names in self.standing.values() for number in names.values()]
        numbers += [one.number for one in self.former]
        return max((number for number in numbers if first <= number <= last), default=0)
