"""Reading a directory: all of it, one account, and whether anything has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from appliance.directory.entries import FoundGroup, account_of, group_of, joined
from appliance.directory.errors import NotFound
from appliance.directory.link import Entry, Link
from appliance.directory.names import equals
from appliance.directory.place import Place
from appliance.directory.records import DirectoryAccount, DirectoryState
from appliance.directory.schema import READ_OF_ACCOUNTS, READ_OF_GROUPS, Field

_ANY: Final = "(objectClass=*)"


class Reader:
    """Reads ``place``; every method raises ``DirectoryUnavailable`` or ``DirectoryRefused``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def read(self) -> DirectoryState:
        """Read every account and group.

        What changes while it is read may be in the result or not; ``changed`` of its cookie is then true.
        """
        place = self._place
        with place.link() as link:
            cookie = self._cookie(link)
            numbered = f"({place.attribute(Field.UID)}=*)", f"({place.attribute(Field.GID)}=*)"
            found = list(self._search(link, place.tree.people, numbered[0], READ_OF_ACCOUNTS))
            accounts, groups, foreign = {}, [], 0
            for entry in found:
                try:
                    accounts[entry.name.lower()] = account_of(place.dialect, entry)
                except ValueError:
                    foreign += 1
            for entry in self._search(link, place.tree.groups, numbered[1], READ_OF_GROUPS):
                try:
                    groups.append(group_of(place.dialect, place.tree, entry))
                except ValueError:
                    foreign += 1
        return DirectoryState(*joined(accounts, groups), cookie, foreign)

    def changed(self, cookie: str) -> bool:
        """Whether anything was changed, added or removed since ``cookie`` was given; one small question.

        True also when a connection had to be made anew: another server, or the same after a crash, may have forgotten
        the mark of a deletion.
        """
        with self._place.link() as link:
            return self._cookie(link) != cookie

    def find(self, login: str) -> DirectoryAccount | None:
        """Read one account with its groups; ``None`` if there is none of ours."""
        place = self._place
        name = place.account_name(login)
        with place.link() as link:
            try:
                account = next(
                    account_of(place.dialect, entry)
                    for entry in self._search(link, name, _ANY, READ_OF_ACCOUNTS, below=False)
                )
            except (NotFound, StopIteration, ValueError):
                return None
            condition = equals(place.attribute(Field.MEMBER), name)
            groups: list[FoundGroup] = [
                group_of(place.dialect, place.tree, entry)
                for entry in self._search(link, place.tree.groups, condition, READ_OF_GROUPS)
            ]
        return joined({name.lower(): account}, groups)[0][0]

    def _cookie(self, link: Link) -> str:
        entry, attribute = self._place.dialect.marker
        base = self._place.tree.base if entry is None else entry
        marks = [
            mark for found in link.search(base, _ANY, [attribute], below=False) for mark in found.attributes[attribute]
        ]
        return ";".join((str(self._place.service.opened), *sorted(mark.decode() for mark in marks)))

    def _search(
        self, link: Link, base: str, condition: str, fields: Sequence[Field], below: bool = True
    ) -> Iterator[Entry]:
        return link.search(base, condition, [self._place.attribute(field) for field in fields], below)
