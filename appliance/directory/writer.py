"""Writing to a directory: accounts, groups, membership, closing an account. Never a password (``passwords``)."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from appliance.daemon.secret import Secret
from appliance.directory.dialect import Changes
from appliance.directory.entries import PROBE
from appliance.directory.errors import AlreadyExists, NotFound
from appliance.directory.link import Link
from appliance.directory.names import child, equals
from appliance.directory.place import Place
from appliance.directory.schema import Field
from appliance.directory.short import GROUP, short_name
from appliance.policy.account import GroupKind, Role
from appliance.policy.passwords import problems

_SHELL: Final = "/bin/bash"
_KINDS: Final = ("bdfghkmnprstvw", "BDFGHKMNPRSTVW", "269", "-+.:=")
"""No digit here is read as a letter (K02: 3 is an e), so that no name stands in it by chance."""


class Writer:
    """Writes to ``place``: addresses in ``domain``, homes below ``homes``.

    ``realm`` is what follows the login in the name by which somebody signs in to PCs, where there are any. Every method
    raises ``DirectoryUnavailable``, ``NotFound``, ``AlreadyExists`` or ``DirectoryRefused``.
    """

    def __init__(self, place: Place, domain: str, homes: Path, realm: str = "") -> None:
        self._place = place
        self._domain = domain
        self._homes = homes
        self._realm = realm or domain
        self._adding = threading.Lock()

    def create_account(
        self,
        *,
        login: str,
        uid: int,
        given_name: str,
        surname: str,
        role: Role | None,
        display_name: str = "",
        hidden: bool = False,
    ) -> None:
        """Make an account with the address ``login@domain`` (K01) and a group number of its own, ``uid``.

        Every entry needs a surname, so an account without one gets its given name or login there. It has no password,
        or one that nobody knows, so nobody can sign in with it. ``hidden``: an account of the server itself, whose
        ``role`` is not kept. Without ``role`` it is nobody's, and read as an entry that is none of ours.
        """
        shown = display_name or f"{given_name} {surname}".strip() or login
        dialect = self._place.dialect
        schema = dialect.schema
        values = {
            Field.LOGIN: login,
            Field.UID: str(uid),
            Field.GID: str(uid),
            Field.GIVEN_NAME: given_name,
            Field.SURNAME: surname or given_name or login,
            Field.DISPLAY_NAME: shown,
            Field.MAIL: f"{login}@{self._domain}",
            Field.ROLE: PROBE if hidden else role.value if role else "",
            Field.HOME: str(self._homes / login),
            Field.SHELL: _SHELL,
            Field.SHORT_NAME: short_name(login),
            Field.PRINCIPAL: f"{login}@{self._realm}",
        }
        attributes: dict[str, Sequence[bytes]] = {**schema.values(values)}
        attributes[schema.common_name] = _bytes(login if schema.common_name == schema.account_naming else shown)
        attributes.update(_values(dialect.switch(Field.DISABLED, False, {})))
        if dialect.born_with_password:
            attributes.update(
                _values(dialect.write_password(nobody_knows(login, given_name, surname, shown), must_change=True) or {})
            )
        with self._adding, self._place.link() as link:
            self._refuse_taken(link, Field.LOGIN, login, uid)
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
        texts = {field: text for field, text in given.items() if text is not None}
        changes: Changes = {name: ("replace", values) for name, values in schema.values(texts).items()}
        if display_name and schema.common_name != schema.account_naming:
            changes = {**changes, schema.common_name: ("replace", _bytes(display_name))}
        if changes:
            with self._place.link() as link:
                link.modify(self._place.account_at(link, login), changes)

    def remove_account(self, login: str) -> None:
        """Take it out of its groups, then remove it; cut in between, it can be done again."""
        member = self._place.attribute(Field.MEMBER)
        with self._place.link() as link:
            name = self._place.account_at(link, login)
            in_groups = list(link.search(self._place.tree.groups, equals(member, name), ["cn"]))
            for group in in_groups:
                link.modify(group.name, {member: ("delete", _bytes(name))})
            link.delete(name)

    def set_disabled(self, login: str, disabled: bool) -> None:
        """Close an account for every sign-in, or open it again; its password stays as it is."""
        self._switch(login, Field.DISABLED, disabled)

    def set_log_on(self, login: str, allowed: bool) -> None:
        """Close or open log-on at school PCs alone (K18); where the directory keeps no such thing nothing is done."""
        self._switch(login, Field.LOG_ON, allowed)

    def create_group(self, *, name: str, kind: GroupKind | None, gid: int, title: str = "") -> None:
        """Make an empty group; its name must be free over all kinds. Of no kind it is read as none of ours."""
        schema = self._place.dialect.schema
        values = {
            Field.GROUP_NAME: name,
            Field.GID: str(gid),
            Field.TITLE: title,
            Field.SHORT_NAME: short_name(name, GROUP),
        }
        attributes = schema.values(values)
        with self._adding, self._place.link() as link:
            self._refuse_taken(link, Field.GROUP_NAME, name, gid)
            folder = self._place.tree.groups_of(kind) if kind else self._place.tree.groups
            link.add(child("cn", name, folder), schema.group_classes, attributes)

    def remove_group(self, name: str) -> None:
        """Remove a group; its members stay."""
        with self._place.link() as link:
            link.delete(self._place.group_entry(link, name).name)

    def add_members(self, group: str, logins: Collection[str]) -> None:
        """Put accounts into a group; those in it already stay. Nothing is done if one of them does not exist."""
        with self._place.link() as link:
            entry = self._place.group_entry(link, group, (Field.MEMBER,))
            there = self._members(entry.attributes.get(self._place.attribute(Field.MEMBER), ()))
            names = [self._place.account_entry(link, login).name for login in dict.fromkeys(logins)]
            new = tuple(name.encode() for name in names if name.lower() not in there)
            if new:
                link.modify(entry.name, {self._place.attribute(Field.MEMBER): ("add", new)})

    def remove_members(self, group: str, logins: Collection[str]) -> None:
        """Take accounts out of a group; those not in it are passed over."""
        with self._place.link() as link:
            entry = self._place.group_entry(link, group, (Field.MEMBER,))
            there = self._members(entry.attributes.get(self._place.attribute(Field.MEMBER), ()))
            names = list(self._known(link, logins))
            old = tuple(there[name.lower()] for name in names if name.lower() in there)
            if old:
                link.modify(entry.name, {self._place.attribute(Field.MEMBER): ("delete", old)})

    def _switch(self, login: str, field: Field, on: bool) -> None:
        dialect = self._place.dialect
        with self._place.link() as link:
            now = self._place.account_entry(link, login, (field,))
            changes = dialect.switch(field, on, now.attributes)
            if changes:
                link.modify(now.name, changes)

    def _refuse_taken(self, link: Link, field: Field, name: str, number: int) -> None:
        """Raise ``AlreadyExists`` where the directory itself would not: whoever adds holds our lock, and adds alone.

        Numbers of accounts and of groups are counted apart, as the kernel does.
        """
        dialect, tree = self._place.dialect, self._place.tree
        if dialect.keeps_unique:
            return
        of_group = field is Field.GROUP_NAME
        base, counted = (tree.groups, Field.GID) if of_group else (tree.people, Field.UID)
        if any(link.search(base, equals(dialect.schema[counted], str(number)), ["1.1"])):
            raise AlreadyExists("the numeric id is taken")
        if not self._place.computed and any(link.search(base, equals(dialect.schema[field], name), ["1.1"])):
            raise AlreadyExists("the name is taken")

    def _known(self, link: Link, logins: Iterable[str]) -> Iterator[str]:
        for login in dict.fromkeys(logins):
            with contextlib.suppress(NotFound):
                yield self._place.account_at(link, login)

    @staticmethod
    def _members(values: Sequence[bytes]) -> dict[str, bytes]:
        return {value.decode().lower(): value for value in values}


def nobody_knows(login: str, *names: str) -> Secret:
    """Return a password for an account that nobody has been given one for: 92 bits, which K02 does not refuse.

    By chance a password may contain a name; without vowels, and digits that are read as one, it seldom does.
    """
    while True:
        password = "".join(secrets.choice(kind) for kind in _KINDS * 8)
        if not problems(password, login, names):
            return Secret(password)


def _values(changes: Changes) -> dict[str, Sequence[bytes]]:
    """What an entry has that was made with these changes."""
    return {attribute: values for attribute, (_, values) in changes.items()}


def _bytes(text: str) -> tuple[bytes, ...]:
    """Return the values of an attribute that is ``text``; none for empty text, which LDAP does not know."""
    return (text.encode(),) if text else ()
