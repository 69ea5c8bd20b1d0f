"""Numeric ids that two have at once. Pure.

To the kernel a number is a person: who has another's number has that one's files. An account's own group has its
number, so a group of the same number is one in which that account is a member, whatever the directory says (K05).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.directory.records import DirectoryState


@dataclass(frozen=True, slots=True)
class Shared:
    """A ``number`` and all who have it: logins of ``accounts`` and names of ``groups``, sorted."""

    number: int
    accounts: tuple[str, ...]
    groups: tuple[str, ...]

    def __str__(self) -> str:
        return " and ".join((*(f"account {one}" for one in self.accounts), *(f"group {one}" for one in self.groups)))


def shared_numbers(state: DirectoryState) -> tuple[Shared, ...]:
    """Give every number that more than one has, in order."""
    accounts, groups = defaultdict(list), defaultdict(list)
    for account in state.accounts:
        accounts[account.uid].append(account.login)
    for group in state.groups:
        groups[group.gid].append(group.name)
    return tuple(
        Shared(number, tuple(sorted(accounts[number])), tuple(sorted(groups[number])))
        for number in sorted(accounts.keys() | groups.keys())
        if len(accounts[number]) + len(groups[number]) > 1
    )
