"""Writing to a directory: accounts, groups, membership, closing an account. Never a password (``passwords``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from appliance.directory.dialect import Changes
from appliance.directory.entries import PROBE
from appliance.directory.errors import NotFound
from appliance.directory.link import Link
from appliance.directory.names import child, equals
from appliance.directory.place import Place
from appliance.directory.schema import Field
from appliance.policy.account import GroupKind, Role


class Writer:
    """Writes to ``place``: addresses in ``domain``, homes below ``homes``.

    Every method raises ``DirectoryUnavailable``, ``NotFound``, ``AlreadyExists`` or ``DirectoryRefused``.
    """

    def __init__(self, place: Place, domain: str, homes: Path) -> None:
        self._place = place
        self._domain = domain
        self._homes = homes

    def create_account(
        self,
        *,
        login: str,
        uid: int,
        given_name: str,
        surname: str,
        role: Role,
        display_name: str = "",
        hidden: bool = False,
    ) -> None:
        """Make an account with the address ``login@domain`` (K01) and a group number of its own, ``uid``.

        Every entry needs a surname, so an account without one gets its given name or login there. It has no password,
        so nobody can sign in with it. ``hidden``: an account of the server itself, whose ``role`` is not kept.
        """
        shown = display_name or f"{given_name} {surname}".strip() or login
        schema = self._place.dialect.schema
        values = {
            Field.LOGIN: login,
            Field.UID: str(uid),
            Field.GID: str(uid),
            Field.GIVEN_NAME: given_name,
            Field.SURNAME: surname or given_name or login,
            Field.DISPLAY_NAME: shown,
            Field.MAIL: f"{login}@{self._domain}",
            Field.ROLE: PROBE if hidden else role.value,
            Field.HOME: str(self._homes / login),
        }
        attributes = {schema[field]: _bytes(text) for field, text in values.items()}
        attributes[schema.common_name] = _bytes(login if schema.common_name == schema.account_naming else shown)
        with self._place.link() as link:
            link.add(self._place.account_name(login), schema.account_classes, attributes)

    def update_account(
        self,
        login: str,
        *,
        given_name: str | None = None,
        surname: str | None = None,
        display_name: str | None = None,
        role: Role | None = None,
    ) -> None:
        """Change what is given; a login never changes, nor does a numeric id."""
        schema = self._place.dialect.schema
        given = {
            Field.GIVEN_NAME: given_name,
            Field.SURNAME: surname,
            Field.DISPLAY_NAME: display_name,
            Field.ROLE: None if role is None else role.value,
        }
        changes: Changes = {
            schema[field]: ("replace", _bytes(text)) for field, text in given.items() if text is not None
        }
        if display_name and schema.common_name != schema.account_naming:
            changes = {**changes, schema.common_name: ("replace", _bytes(display_name))}
        if changes:
            self._modify(self._place.account_name(login), changes)

    def remove_account(self, login: str) -> None:
        """Take it out of its groups, then remove it; cut in between, it can be done again."""
        name = self._place.account_name(login)
        member = self._place.attribute(Field.MEMBER)
        with self._place.link() as link:
            in_groups = list(link.search(self._place.tree.groups, equals(member, name), ["cn"]))
            for group in in_groups:
                link.modify(group.name, {member: ("delete", _bytes(name))})
            link.delete(name)

    def set_disabled(self, login: str, disabled: bool) -> None:
        """Close an account for every sign-in, or open it again; its password stays as it is."""
        self._modify(self._place.account_name(login), self._place.dialect.disable(disabled))

    def create_group(self, *, name: str, kind: GroupKind, gid: int, title: str = "") -> None:
        """Make an empty group; its name must be free over all kinds."""
        schema = self._place.dialect.schema
        values = {Field.GROUP_NAME: name, Field.GID: str(gid), Field.TITLE: title}
        attributes = {schema[field]: _bytes(text) for field, text in values.items()}
        with self._place.link() as link:
            link.add(child("cn", name, self._place.tree.groups_of(kind)), schema.group_classes, attributes)

    def remove_group(self, name: str) -> None:
        """Remove a group; its members stay."""
        with self._place.link() as link:
            link.delete(self._place.group_entry(link, name).name)

    def add_members(self, group: str, logins: Collection[str]) -> None:
        """Put accounts into a group; those in it already stay. Nothing is done if one of them does not exist."""
        with self._place.link() as link:
            entry = self._place.group_entry(link, group, (Field.MEMBER,))
            there = self._members(entry.attributes.get(self._place.attribute(Field.MEMBER), ()))
            names = [self._place.account_name(login) for login in dict.fromkeys(logins)]
            for name in names:
                self._look_for(link, name)
            new = tuple(name.encode() for name in names if name.lower() not in there)
            if new:
                link.modify(entry.name, {self._place.attribute(Field.MEMBER): ("add", new)})

    def remove_members(self, group: str, logins: Collection[str]) -> None:
        """Take accounts out of a group; those not in it are passed over."""
        with self._place.link() as link:
            entry = self._place.group_entry(link, group, (Field.MEMBER,))
            there = self._members(entry.attributes.get(self._place.attribute(Field.MEMBER), ()))
            names = [self._place.account_name(login) for login in dict.fromkeys(logins)]
            old = tuple(there[name.lower()] for name in names if name.lower() in there)
            if old:
                link.modify(entry.name, {self._place.attribute(Field.MEMBER): ("delete", old)})

    def _modify(self, name: str, changes: Changes) -> None:
        with self._place.link() as link:
            link.modify(name, changes)

    @staticmethod
    def _members(values: Sequence[bytes]) -> dict[str, bytes]:
        return {value.decode().lower(): value for value in values}

    @staticmethod
    def _look_for(link: Link, name: str) -> None:
        if not list(link.search(name, "(objectClass=*)", ["1.1"], below=False)):
            raise NotFound("no such account")


def _bytes(text: str) -> tuple[bytes, ...]:
    """Return the values of an attribute that is ``text``; none for empty text, which LDAP does not know."""
    return (text.encode(),) if text else ()
