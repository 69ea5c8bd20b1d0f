"""A directory as its clients are given it: its kind, its tree, its kept connections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from appliance.directory.dialect import Dialect
from appliance.directory.errors import NotFound
from appliance.directory.link import Entry, Link
from appliance.directory.names import child, equals
from appliance.directory.pool import Pool
from appliance.directory.schema import Field
from appliance.directory.tree import Tree

_ANY: Final = "(objectClass=*)"
_NOTHING: Final = "1.1"  # no attribute at all (RFC 4511, 4.5.1.8)


@dataclass(frozen=True, slots=True)
class Place:
    """``service`` lends links signed in as a service account, ``persons`` links for trying persons' passwords.

    ``computed``: every person's entry lies where :meth:`account_name` says; in a directory that others have filled they
    have to be looked for.
    """

    dialect: Dialect
    tree: Tree
    service: Pool
    persons: Pool
    computed: bool = True

    @contextmanager
    def link(self) -> Iterator[Link]:
        """Lend a link of the service account."""
        with self.service.link() as link:
            yield link

    def attribute(self, field: Field) -> str:
        """Return what ``field`` is called here."""
        return self.dialect.schema[field]

    def account_name(self, login: str) -> str:
        """Return the name of the entry of ``login`` as we make it; there need not be one."""
        return child(self.dialect.schema.account_naming, login, self.tree.people)

    def account_entry(self, link: Link, login: str, fields: Iterable[Field] = ()) -> Entry:
        """Find the entry of ``login``, wherever it is; raises :class:`NotFound`."""
        wanted = self.dialect.schema.names(fields) or (_NOTHING,)
        if self.computed:
            found = link.search(self.account_name(login), _ANY, wanted, below=False)
        else:
            found = link.search(self.tree.people, equals(self.attribute(Field.LOGIN), login), wanted)
        for entry in found:
            return entry
        raise NotFound("no such account")

    def account_at(self, link: Link, login: str) -> str:
        """Return the name of the entry of ``login``; where it has to be looked for, raises :class:`NotFound`."""
        return self.account_name(login) if self.computed else self.account_entry(link, login).name

    def group_entry(self, link: Link, group: str, attributes: tuple[Field, ...] = ()) -> Entry:
        """Find the group of this name, of whichever kind; raises :class:`NotFound`."""
        wanted = [self.attribute(field) for field in (Field.GROUP_NAME, *attributes)]
        condition = equals(self.attribute(Field.GROUP_NAME), group)
        for entry in link.search(self.tree.groups, condition, wanted):
            return entry
        raise NotFound("no such group")
