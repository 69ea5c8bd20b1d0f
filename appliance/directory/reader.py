"""Reading a directory: what is there now, whether that is news, and one account.

May live here: what was read last, and who may read at a time. May not: how changes are found (``changes``), merging
(``mirror``).
"""

from __future__ import annotations

import threading
from dataclasses import replace

from appliance.directory.active_directory import ActiveDirectory
from appliance.directory.changes import Follower
from appliance.directory.changes_active_directory import ActiveDirectoryFollower
from appliance.directory.changes_openldap import OpenLdapFollower
from appliance.directory.entries import FoundGroup, account_of, group_of, joined
from appliance.directory.errors import NotFound
from appliance.directory.mirror import Mirror
from appliance.directory.names import equals
from appliance.directory.place import Place
from appliance.directory.records import DirectoryAccount, DirectoryState
from appliance.directory.schema import READ_OF_ACCOUNTS, READ_OF_GROUPS, Field


class Reader:
    """Reads ``place``; every method raises ``DirectoryUnavailable`` or ``DirectoryRefused``."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._follower = _follower(place)
        self._reading = threading.Lock()
        self._mirror = Mirror()
        self._opened: int | None = None
        self._state: DirectoryState | None = None
        self._states = 0

    def read(self) -> DirectoryState:
        """Give every account and group, the same object as before if nothing of them has changed.

        Only what changed since is read, or all the first time and whenever a connection had to be made anew: another
        server, or the same restored from a copy, has other marks. What changes while it is read may be in the result or
        not; ``changed`` of its cookie is then true.
        """
        with self._reading, self._place.link() as link:
            opened = self._place.service.opened
            mirror = self._follower.follow(link, self._mirror, anew=self._opened != opened)
            state = self._state
            if state is None or mirror.state is not self._mirror.state:
                self._states += 1
                state = replace(mirror.state, cookie=str(self._states))
            self._mirror, self._opened, self._state = mirror, opened, state
            return state

    def changed(self, cookie: str) -> bool:
        """Whether an account or group was changed, added or removed since ``read`` gave this cookie.

        One small question while nothing has; otherwise what has changed is read, and ``read`` gives it.
        """
        return self.read().cookie != cookie

    def find(self, login: str) -> DirectoryAccount | None:
        """Read one account with its groups; ``None`` if there is none of ours."""
        place = self._place
        with place.link() as link:
            try:
                entry = place.account_entry(link, login, READ_OF_ACCOUNTS)
                account = account_of(place.dialect, entry)
            except (NotFound, ValueError):
                return None
            name = entry.name.lower()
            condition = equals(place.attribute(Field.MEMBER), entry.name)
            groups: list[FoundGroup] = [
                group_of(place.dialect, place.tree, entry)
                for entry in link.search(place.tree.groups, condition, place.dialect.schema.names(READ_OF_GROUPS))
            ]
        return joined({name: account}, groups)[0][name]


def _follower(place: Place) -> Follower:
    """The one for this kind of directory; a slapd in which names are computed is our own."""
    if isinstance(place.dialect, ActiveDirectory):
        return ActiveDirectoryFollower(place)
    return OpenLdapFollower(place, counted=place.computed)
