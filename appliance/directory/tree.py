"""Where in a directory the entries of a school are."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.directory.names import child
from appliance.policy.account import GroupKind


@dataclass(frozen=True, slots=True)
class Tree:
    """Where entries are below ``base``: people in one folder, groups in one per kind.

    ``people_at`` and ``groups_at`` are the names of these folders where they are called otherwise.
    """

    base: str
    people_at: str = ""
    groups_at: str = ""

    @property
    def people(self) -> str:
        """The folder of all accounts."""
        return self.people_at or child("ou", "people", self.base)

    @property
    def groups(self) -> str:
        """The folder of the folders of groups."""
        return self.groups_at or child("ou", "groups", self.base)

    def groups_of(self, kind: GroupKind) -> str:
        """Return the folder of the groups of ``kind``."""
        return child("ou", kind.value, self.groups)

    def service(self, account: str) -> str:
        """Return the name of the service account ``account`` (``supervisor``, ``auth``)."""
        return child("cn", account, child("ou", "services", self.base))
