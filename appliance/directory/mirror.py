"""What is known of a directory, entry by entry, and how it goes on with what is found. Pure.

May live here: entries as last seen, and merging. May not: how changes are found (``changes``), what an entry says
(``entries``). However the changes were found, the mirror then says what one made by a full read says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.directory.entries import FoundGroup, joined
from appliance.directory.records import DirectoryAccount, DirectoryState

_NOBODY: Final = DirectoryState((), (), "")


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as last seen: the directory's own ``ident`` and ``mark`` of it, its ``name`` in lower case.

    ``ident`` stays while the entry lives, ``mark`` is another one after each change of it. ``what`` it is: ``None`` for
    a foreign one.
    """

    ident: bytes
    mark: bytes
    name: str
    what: DirectoryAccount | FoundGroup | None


@dataclass(frozen=True, slots=True)
class Mirror:
    """All entries by ident, and what they are together: ``state`` (without a cookie).

    ``state`` is the same object until something else is meant; accounts that stay as they are, are the same objects.
    """

    seen: Mapping[bytes, Seen] = field(default_factory=dict)
    state: DirectoryState = _NOBODY
    joined: Mapping[str, DirectoryAccount] = field(default_factory=dict)

    def after(self, found: Iterable[Seen], gone: Collection[bytes] = ()) -> Mirror:
        """Go on with the entries that were ``found``, as they are now, and without those that are ``gone``.

        One that was found twice is what it was found as first. A name belongs to one entry: who had it before and was
        not found is gone too.
        """
        new: dict[bytes, Seen] = {}
        for one in found:
            new.setdefault(one.ident, self._kept(one))
        entries = {ident: one for ident, one in self.seen.items() if ident not in gone} | new
        names = {one.name for one in new.values()}
        for ident in [ident for ident, one in entries.items() if one.name in names and ident not in new]:
            del entries[ident]
        if entries.keys() == self.seen.keys() and all(_same(one, self.seen[ident]) for ident, one in new.items()):
            return replace(self, seen=entries)
        return self._joined(entries)

    def accounts(self) -> dict[bytes, str]:
        """Give the name of each account's entry by ident."""
        return {ident: one.name for ident, one in self.seen.items() if isinstance(one.what, DirectoryAccount)}

    def groups_with(self, names: Collection[str]) -> set[bytes]:
        """Give the idents of the groups in which one of the entries ``names`` is a member."""
        wanted = set(names)
        return {
            ident
            for ident, one in self.seen.items()
            if isinstance(one.what, FoundGroup) and not wanted.isdisjoint(one.what.members)
        }

    def _kept(self, one: Seen) -> Seen:
        """The same, with the object known before where that says the same."""
        before = self.seen.get(one.ident)
        return one if before is None or before.what != one.what else replace(one, what=before.what)

    def _joined(self, entries: Mapping[bytes, Seen]) -> Mirror:
        accounts, groups, foreign, known = {}, [], 0, {}
        for ident, one in entries.items():
            if isinstance(one.what, DirectoryAccount):
                accounts[one.name] = one.what
                before = self.seen.get(ident)
                if before is not None and _same(before, one):
                    known[one.name] = self.joined[one.name]
            elif isinstance(one.what, FoundGroup):
                groups.append(one.what)
            else:
                foreign += 1
        members, whole = joined(accounts, groups, known)
        state = DirectoryState(_sorted(members.values()), whole, "", foreign)
        return Mirror(entries, self.state if state == self.state else state, members)


def _same(one: Seen, other: Seen) -> bool:
    return one.what is other.what and one.name == other.name


def _sorted(accounts: Iterable[DirectoryAccount]) -> tuple[DirectoryAccount, ...]:
    return tuple(sorted(accounts, key=lambda account: (account.login, account.uuid.int)))
