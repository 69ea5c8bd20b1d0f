"""How slapd tells what has changed: by entryCSN, by the names of what there is, and by how much it has written.

May live here: marks of OpenLDAP. May not: what an entry says (``entries``), merging (``mirror``).

An entryCSN is a time: after the clock was set back a later change has a smaller one, and contextCSN does not move at
all. A deletion leaves nothing to find, nor does an entry that was moved away. So greater ones are believed only when
slapd's own counters say that nothing else can have happened: as many operations have written as entries have another
entryCSN, and none of them removed or renamed. In all other cases names and marks of all entries are compared, which is
right whatever the clock says.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.directory.changes import Search
from appliance.directory.errors import DirectoryRefused, NotFound
from appliance.directory.link import Link
from appliance.directory.mirror import Mirror
from appliance.directory.place import Place
from appliance.directory.schema import Field

OPERATIONS: Final = "cn=Operations,cn=Monitor"
_ANY: Final = "(objectClass=*)"
_CONTEXT: Final = "contextCSN"
_BEGUN, _ENDED = "monitorOpInitiated", "monitorOpCompleted"
_WRITING: Final = ("add", "modify", "extended")  # a password is set by an extended operation
_TAKING_AWAY: Final = ("delete", "modrdn")
_UNSEEN_FOR: Final = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a slapd stands: its contextCSNs; how much this process has written to it.

    And by kind of operation how many were begun and ended since its start.
    """

    context: tuple[bytes, ...]
    own: int = 0
    begun: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()

    def written_since(self, before: Standing) -> int | None:
        """How many operations may have changed an entry; ``None``: entries may have gone, or it cannot be told."""
        if not self.begun or not before.begun or before.begun != before.ended:
            return None
        new = [now - then for now, then in zip(self.begun, before.begun, strict=True)]
        kinds = len(_WRITING)
        return sum(new[:kinds]) if min(new) >= 0 and not any(new[kinds:]) else None


class OpenLdapFollower:
    """The :class:`~appliance.directory.changes.Follower` of slapd.

    ``counted``: it is our own, whose counters tell of everything that is written. Somebody else's may be written to by
    its replication as well, or not tell its contextCSN: all of it is compared whenever that moves, and now and then.
    """

    def __init__(self, place: Place, *, counted: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._search = Search(place)
        self._counted = counted
        self._clock = clock
        self._before: Standing | None = None
        self._compared_at = 0.0
        self._suffix: str | None = None

    def follow(self, link: Link, known: Mirror, *, anew: bool) -> Mirror:
        """See :class:`Follower`."""
        if anew:
            self._suffix = None
        now, before = self._standing(link), self._before
        if anew or before is None:
            mirror = self._noted(self._search.everything(link, known))
        elif now != before:
            mirror = self._by_mark(link, known, now.written_since(before)) or self._noted(
                self._search.compared(link, known)
            )
        elif not now.begun and self._clock() - self._compared_at > _UNSEEN_FOR:
            mirror = self._noted(self._search.compared(link, known))
        else:
            return known
        self._before = now
        return mirror

    def _by_mark(self, link: Link, known: Mirror, written: int | None) -> Mirror | None:
        """What has a greater entryCSN, if that is certainly all that has changed."""
        if written is None or not known.seen:
            return None
        search, attribute = self._search, self._place.attribute(Field.CHANGED)
        latest = max(one.mark for one in known.seen.values()).decode("ascii")
        found, count = [], 0
        for folder in search.folders:
            idents = []
            for entry in search.named(link, folder.base, f"({attribute}>={latest})"):
                ident, mark = search.ident(entry), search.mark(entry)
                one = known.seen.get(ident)
                if one is None or one.mark != mark:
                    count += 1
                    idents.append(ident)
            found += search.some(link, folder, idents)
        return known.after(found) if count == written == len(found) else None

    def _standing(self, link: Link) -> Standing:
        own = self._place.service.written
        context = self._context(link)
        if not self._counted:
            return Standing(context, own)
        try:
            counters = {
                entry.name.lower().removeprefix("cn=").partition(",")[0]: entry.attributes
                for entry in link.search(OPERATIONS, _ANY, [_BEGUN, _ENDED])
            }
            rows = [counters[kind] for kind in (*_WRITING, *_TAKING_AWAY)]
            begun, ended = (tuple(int(row[name][0]) for row in rows) for name in (_BEGUN, _ENDED))
        except (DirectoryRefused, KeyError):
            return Standing(context, own)
        return Standing(context, own, begun, ended)

    def _context(self, link: Link) -> tuple[bytes, ...]:
        """Ask the top entry of the database, which may be above ours; nothing where none tells."""
        above = self._place.tree.base if self._suffix is None else self._suffix
        while above:
            with contextlib.suppress(DirectoryRefused, NotFound):
                for entry in link.search(above, _ANY, [_CONTEXT], below=False):
                    if values := entry.attributes.get(_CONTEXT):
                        self._suffix = above
                        return tuple(sorted(bytes(value) for value in values))
            above = above.partition(",")[2]
        self._suffix = ""
        return ()

    def _noted(self, mirror: Mirror) -> Mirror:
        self._compared_at = self._clock()
        return mirror
