"""A directory as its clients are given it: its kind, its tree, its kept connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.directory.dialect import Dialect
from appliance.directory.errors import NotFound
from appliance.directory.link import Entry, Link
from appliance.directory.names import child, equals
from appliance.directory.pool import Pool
from appliance.directory.schema import Field
from appliance.directory.tree import Tree


@dataclass(frozen=True, slots=True)
class Place:
    """``service`` lends links signed in as a service account, ``persons`` links for trying persons' passwords."""

    dialect: Dialect
    tree: Tree
    service: Pool
    persons: Pool

    @contextmanager
    def link(self) -> Iterator[Link]:
        """Lend a link of the service account."""
        with self.service.link() as link:
            yield link

    def attribute(self, field: Field) -> str:
        """Return what ``field`` is called here."""
        return self.dialect.schema[field]

    def account_name(self, login: str) -> str:
        """Return the name of the entry of ``login``; there need not be one."""
        return child(self.dialect.schema.account_naming, login, self.tree.people)

    def group_entry(self, link: Link, group: str, attributes: tuple[Field, ...] = ()) -> Entry:
        """Find the group of this name, of whichever kind; raises :class:`NotFound`."""
        wanted = [self.attribute(field) for field in (Field.GROUP_NAME, *attributes)]
        condition = equals(self.attribute(Field.GROUP_NAME), group)
        for entry in link.search(self.tree.groups, condition, wanted):
            return entry
        raise NotFound("no such group")
