"""Whose is what: numbers of the machine that is gone, and the numbers that the same users have on this one. Pure.

May live here: translating numbers. May not: files. Accounts of the school keep their numbers, the directory comes back
with them; our system users have others, for Debian gives these out as packages are installed. Access lists keep theirs:
what the school makes names accounts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from appliance.backup.dump_layout import Users
from appliance.backup.problem import BackupError
from appliance.backup_server.manifest import Entry

_SYSTEM: Final = 999
"""The last number of Debian's system users; whose it is on another machine is chance."""


@dataclass(frozen=True, slots=True)
class Owners:
    """``users`` and ``groups``: the number there -> the number here, of all our own."""

    users: Mapping[int, int]
    groups: Mapping[int, int]

    @classmethod
    def of(cls, there: Users, here: Users) -> Owners:
        """Join the two machines by names; raises :class:`BackupError` (``refused``) where a name is missing here."""
        missing = sorted({*(there.users.keys() - here.users), *(there.groups.keys() - here.groups)})
        if missing:
            raise BackupError(
                "refused", f"this machine has no {', '.join(missing)}; install the packages that the school had"
            )
        return cls(
            {number: here.users[name] for name, number in there.users.items()},
            {number: here.groups[name] for name, number in there.groups.items()},
        )

    def uid(self, there: int) -> int:
        """Give the number here; another system user of that machine becomes root."""
        return _here(self.users, there)

    def gid(self, there: int) -> int:
        """Give the group's number here."""
        return _here(self.groups, there)

    def words(self) -> tuple[str, str]:
        """Tell rsync the same: the first that fits is taken."""
        return f"--usermap={_words(self.users)}", f"--groupmap={_words(self.groups)}"

    def entry(self, there: Entry) -> Entry:
        """Give ``there`` with the numbers that it must have here."""
        return replace(there, uid=self.uid(there.uid), gid=self.gid(there.gid))


def _here(known: Mapping[int, int], number: int) -> int:
    return known.get(number, number if number > _SYSTEM else 0)


def _words(known: Mapping[int, int]) -> str:
    return ",".join((*(f"{there}:{here}" for there, here in sorted(known.items())), f"1-{_SYSTEM}:0"))
