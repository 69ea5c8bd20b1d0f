"""From entries to accounts and groups, and back. Pure.

May live here: which value goes where. May not: the connection (``link``), what the two kinds of directory say
differently (``dialect``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from appliance.directory.dialect import Attributes, Dialect
from appliance.directory.link import Entry
from appliance.directory.records import DirectoryAccount, DirectoryGroup
from appliance.directory.schema import Field
from appliance.directory.tree import Tree
from appliance.policy.account import GroupKind, Role

PROBE: Final = "probe"


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group whose members are still names of entries, in lower case."""

    group: DirectoryGroup
    members: tuple[str, ...]


def account_of(dialect: Dialect, entry: Entry) -> DirectoryAccount:
    """Read an account, without its groups; raises ``ValueError`` for an entry that is none of ours."""
    value = _Values(dialect, entry.attributes)
    kept, role = dialect.standing(entry.attributes), value.text(Field.ROLE)
    return DirectoryAccount(
        uuid=kept.uuid,
        login=value.needed(Field.LOGIN),
        uid=int(value.needed(Field.UID)),
        given_name=value.text(Field.GIVEN_NAME),
        surname=value.text(Field.SURNAME),
        display_name=value.text(Field.DISPLAY_NAME),
        mail=value.text(Field.MAIL),
        role=Role.STAFF if role == PROBE else Role(role),
        disabled=kept.disabled,
        must_change=kept.must_change,
        password_changed_at=kept.password_changed_at,
        hidden=role == PROBE,
        log_on=kept.log_on,
    )


def group_of(dialect: Dialect, tree: Tree, entry: Entry) -> FoundGroup:
    """Read a group; raises ``ValueError`` for an entry that is none of ours."""
    value = _Values(dialect, entry.attributes)
    folder = entry.name.partition(",")[2].lower()
    kind = next((kind for kind in GroupKind if tree.groups_of(kind).lower() == folder), None)
    if kind is None:
        raise ValueError("a group outside of our folders")
    group = DirectoryGroup(value.needed(Field.GROUP_NAME), kind, int(value.needed(Field.GID)), value.text(Field.TITLE))
    members = entry.attributes.get(dialect.schema[Field.MEMBER], ())
    return FoundGroup(group, tuple(member.decode().lower() for member in members))


def joined(
    accounts: Mapping[str, DirectoryAccount],
    groups: Sequence[FoundGroup],
    known: Mapping[str, DirectoryAccount] | None = None,
) -> tuple[dict[str, DirectoryAccount], tuple[DirectoryGroup, ...]]:
    """Put groups into their members and members into their groups; ``accounts`` by name of the entry in lower case.

    A member that is no account is left out; the groups are sorted. ``known`` are accounts that were joined before, when
    all but their groups was the same: such an object is given again if these are too.
    """
    before = known or {}
    member_of: dict[str, list[str]] = {name: [] for name in accounts}
    for found in groups:
        for name in found.members:
            if name in member_of:
                member_of[name].append(found.group.name)
    whole = [
        replace(found.group, members=tuple(sorted(accounts[name].login for name in found.members if name in accounts)))
        for found in groups
    ]
    members = {name: _in_groups(account, member_of[name], before.get(name)) for name, account in accounts.items()}
    return members, tuple(sorted(whole, key=lambda one: (one.name, one.gid)))


def _in_groups(account: DirectoryAccount, groups: list[str], known: DirectoryAccount | None) -> DirectoryAccount:
    names = tuple(sorted(groups))
    return known if known is not None and known.groups == names else replace(account, groups=names)


class _Values:
    def __init__(self, dialect: Dialect, attributes: Attributes) -> None:
        self._schema, self._attributes = dialect.schema, attributes

    def text(self, field: Field) -> str:
        values = self._attributes.get(self._schema[field])
        return values[0].decode() if values else ""

    def needed(self, field: Field) -> str:
        text = self.text(field)
        if not text:
            raise ValueError(f"an entry without {self._schema[field]}")
        return text
