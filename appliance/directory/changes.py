"""What every kind of directory needs to be followed: reading all of it, comparing what there is, reading some entries.

May live here: searches that mean the same in each. May not: by which marks a kind tells what has changed
(``changes_openldap``, ``changes_active_directory``), merging (``mirror``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from appliance.directory.entries import FoundGroup, account_of, group_of
from appliance.directory.link import Entry, Link
from appliance.directory.mirror import Mirror, Seen
from appliance.directory.place import Place
from appliance.directory.records import DirectoryAccount
from appliance.directory.schema import READ_OF_ACCOUNTS, READ_OF_GROUPS, Field

IDENTITY: Final = (Field.UUID, Field.CHANGED)
_AT_ONCE: Final = 100


class Follower(Protocol):
    """Follows one directory; it keeps the marks up to which it has."""

    def follow(self, link: Link, known: Mirror, *, anew: bool) -> Mirror:
        """Give what is there now, ``known`` itself if nothing has changed.

        ``anew``: by reading everything, since whoever answers may not be the one whose marks are kept. What changes
        meanwhile may be in it or not, and is found the next time.
        """


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the accounts or the groups are: entries below ``base`` that have a ``number`` count, ours or foreign."""

    base: str
    number: str
    fields: Sequence[Field]
    read: Callable[[Entry], DirectoryAccount | FoundGroup]

    @property
    def numbered(self) -> str:
        """The condition for all of them."""
        return f"({self.number}=*)"


class Search:
    """The searches in the folders of ``place``; each raises ``DirectoryUnavailable`` or ``DirectoryRefused``."""

    def __init__(self, place: Place) -> None:
        self._schema = place.dialect.schema
        self.people = Folder(
            place.tree.people,
            place.attribute(Field.UID),
            READ_OF_ACCOUNTS,
            lambda entry: account_of(place.dialect, entry),
        )
        self.groups = Folder(
            place.tree.groups,
            place.attribute(Field.GID),
            READ_OF_GROUPS,
            lambda entry: group_of(place.dialect, place.tree, entry),
        )
        self.folders = (self.people, self.groups)

    def everything(self, link: Link, known: Mirror) -> Mirror:
        """Read all entries."""
        found = [one for folder in self.folders for one in self.found(link, folder, folder.numbered)]
        return known.after(found, known.seen.keys() - {one.ident for one in found})

    def compared(self, link: Link, known: Mirror) -> Mirror:
        """Read marks and names of all entries, and those entries whose are others than the known ones."""
        there: set[bytes] = set()
        other: dict[Folder, list[bytes]] = {folder: [] for folder in self.folders}
        for folder in self.folders:
            for entry in self.named(link, folder.base, folder.numbered):
                ident = self.ident(entry)
                if ident in there:  # a person in a folder for both
                    continue
                there.add(ident)
                one = known.seen.get(ident)
                if one is None or not one.mark or (one.mark, one.name) != (self.mark(entry), entry.name.lower()):
                    other[folder].append(ident)
        if sum(map(len, other.values())) * 4 > len(there):
            return self.everything(link, known)
        found = [one for folder, idents in other.items() for one in self.some(link, folder, idents)]
        now = there.difference(*other.values()) | {one.ident for one in found}
        return known.after(found, known.seen.keys() - now)

    def some(self, link: Link, folder: Folder, idents: Collection[bytes]) -> list[Seen]:
        """Read the entries ``idents`` that are in a folder."""
        wanted, found = list(idents), []
        for start in range(0, len(wanted), _AT_ONCE):
            condition = any_of(self._schema[Field.UUID], wanted[start : start + _AT_ONCE])
            found += self.found(link, folder, f"(&{folder.numbered}{condition})")
        return found

    def found(self, link: Link, folder: Folder, condition: str) -> list[Seen]:
        """Read the entries below a folder that meet a condition, which must ask for a number."""
        wanted = self._schema.names((*IDENTITY, *folder.fields))
        return [self._seen(folder, entry) for entry in link.search(folder.base, condition, wanted)]

    def named(self, link: Link, base: str, condition: str, controls: Sequence[str] = ()) -> Iterator[Entry]:
        """Read only names, idents, marks and classes of entries below ``base``."""
        return link.search(base, condition, self._schema.names(IDENTITY), controls=controls)

    def ident(self, entry: Entry) -> bytes:
        """The ident of an entry; its name where it gives none, for it is a foreign one then."""
        return first(entry, self._schema[Field.UUID]) or entry.name.lower().encode()

    def mark(self, entry: Entry) -> bytes:
        """The mark of an entry, empty where it gives none: then it may have changed."""
        return first(entry, self._schema[Field.CHANGED])

    def _seen(self, folder: Folder, entry: Entry) -> Seen:
        try:
            what = folder.read(entry)
        except ValueError:
            what = None
        return Seen(self.ident(entry), self.mark(entry), entry.name.lower(), what)


def first(entry: Entry, attribute: str) -> bytes:
    """Return the first value of an attribute, empty if there is none."""
    values = entry.attributes.get(attribute, ())
    return bytes(values[0]) if values else b""


def any_of(attribute: str, values: Iterable[bytes]) -> str:
    """Return the condition that ``attribute`` has one of these values, of whatever bytes (RFC 4515, 3)."""
    escaped = ("".join(f"\\{byte:02x}" for byte in value) for value in values)
    return f"(|{''.join(f'({attribute}={value})' for value in escaped)})"
