"""How Active Directory tells what has changed: by the update sequence number of a domain controller.

May live here: marks of AD ([MS-ADTS] 3.1.1.1.9, 3.1.1.5.5; the way of Microsoft's "Polling for Changes Using
USNChanged"). May not: what an entry says (``entries``), merging (``mirror``).

Numbers are those of one controller and of one life of its database: another controller, or the same restored from a
copy, is read whole. What is deleted stays as a tombstone that keeps its ident, and is shown when asked for; what was
moved out of our folders is found where it is now. Log-ons move the number too, for they are noted in accounts: so
nothing is read but what has changed.

Some things come without a new number of the entry itself: a group says another name of a member that was renamed, and
names one no longer that went away, or again when it comes back; entries move with the folder in which they lie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from appliance.directory.changes import Search, any_of, first
from appliance.directory.errors import NotFound
from appliance.directory.link import Entry, Link
from appliance.directory.mirror import Mirror
from appliance.directory.place import Place
from appliance.directory.schema import Field

SHOW_DELETED: Final = "1.2.840.113556.1.4.417"
_ANY: Final = "(objectClass=*)"
_ROOT: Final = ("highestCommittedUSN", "dsServiceName", "defaultNamingContext")
_CREATED: Final = "uSNCreated"
_FOLDERS: Final = frozenset({"organizationalunit", "container", "builtindomain"})
_AT_ONCE: Final = 30
_UNSEEN_FOR: Final = 10.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a domain controller stands: who it is (``server``: its name and the life of its database), its number."""

    server: str
    number: int
    top: str


class ActiveDirectoryFollower:
    """The :class:`~appliance.directory.changes.Follower` of Samba and Windows domain controllers.

    Where the service account may not see what is deleted, all names are compared now and then instead, if anything at
    all has changed.
    """

    def __init__(self, place: Place, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._search = Search(place)
        self._clock = clock
        self._before: Standing | None = None
        self._sees_deleted = False
        self._compared_at, self._compared_to = 0.0, (0, 0)

    def follow(self, link: Link, known: Mirror, *, anew: bool) -> Mirror:
        """See :class:`Follower`."""
        before = self._before
        now = self._standing(link, before)
        if anew or before is None or before.server != now.server or now.number < before.number:
            self._sees_deleted = self._shows_deleted(link, now.top)
            mirror = self._everything(link, known, now)
        elif now.number == before.number:
            mirror = known
        else:
            mirror = self._since(link, known, before.number + 1, now)
        if not self._sees_deleted and self._overdue(now):
            mirror = self._regrouped(link, mirror, self._noted(self._search.compared(link, mirror), now))
        self._before = now
        return mirror

    def _since(self, link: Link, known: Mirror, number: int, now: Standing) -> Mirror:
        """What has changed from this number on: where it is ours, as it is now, and otherwise as gone."""
        attribute = self._place.attribute(Field.CHANGED)
        condition = f"({attribute}>={number})"
        touched = set()
        for entry in self._touched(link, now.top, condition):
            if not _FOLDERS.isdisjoint(_classes(entry)) and int(first(entry, _CREATED) or 0) < number:
                return self._everything(link, known, now)
            touched.add(self._search.ident(entry))
        if not touched:
            return known
        found = [
            one
            for folder in self._search.folders
            for one in self._search.found(link, folder, f"(&{folder.numbered}{condition})")
        ]
        return self._regrouped(link, known, known.after(found, touched - {one.ident for one in found}))

    def _touched(self, link: Link, top: str, condition: str) -> Iterator[Entry]:
        wanted = (self._place.attribute(Field.UUID), "objectClass", _CREATED)
        return link.search(top, condition, wanted, controls=(SHOW_DELETED,) if self._sees_deleted else ())

    def _regrouped(self, link: Link, before: Mirror, after: Mirror) -> Mirror:
        """Read the groups whose members are called otherwise now, went away or came (back)."""
        then, now = before.accounts(), after.accounts()
        left = {name for ident, name in then.items() if now.get(ident) != name}
        come = {name for ident, name in now.items() if then.get(ident) != name}
        if not left and not come:
            return after
        folder, member = self._search.groups, self._place.attribute(Field.MEMBER)
        if len(come) > _AT_ONCE:
            found = self._search.found(link, folder, folder.numbered)
        else:
            found = self._search.some(link, folder, after.groups_with(left))
            if come:
                condition = any_of(member, (name.encode() for name in come))
                found += self._search.found(link, folder, f"(&{folder.numbered}{condition})")
        return after.after(found)

    def _standing(self, link: Link, before: Standing | None) -> Standing:
        """Ask who it is; the life of its database only when the number has moved."""
        (root,) = link.search("", _ANY, _ROOT, below=False)
        number, service, top = (first(root, name) for name in _ROOT)
        who = service.decode()
        if before is not None and before.number == int(number) and before.server.startswith(f"{who} "):
            return before
        return Standing(f"{who} {self._life(link, who)}", int(number), top.decode())

    def _life(self, link: Link, service: str) -> str:
        """The id of this life of the controller's database; empty where we may not read it."""
        try:
            return "".join(
                first(entry, "invocationId").hex()
                for entry in link.search(service, _ANY, ["invocationId"], below=False)
            )
        except NotFound:
            return ""

    def _shows_deleted(self, link: Link, top: str) -> bool:
        """Whether this account sees what is deleted: it may look into the container where that is kept."""
        container = f"CN=Deleted Objects,{top}"
        try:
            return any(link.search(container, _ANY, ["cn"], below=False, controls=(SHOW_DELETED,)))
        except NotFound:
            return False

    def _everything(self, link: Link, known: Mirror, now: Standing) -> Mirror:
        return self._noted(self._search.everything(link, known), now)

    def _noted(self, mirror: Mirror, now: Standing) -> Mirror:
        self._compared_at, self._compared_to = self._clock(), (now.number, self._place.service.written)
        return mirror

    def _overdue(self, now: Standing) -> bool:
        """Whether something may have gone unseen: we have written ourselves, or others may have, a while ago."""
        number, own = self._compared_to
        waited = self._clock() - self._compared_at > _UNSEEN_FOR
        return own != self._place.service.written or (waited and number != now.number)


def _classes(entry: Entry) -> frozenset[str]:
    return frozenset(bytes(value).decode().lower() for value in entry.attributes.get("objectClass", ()))
