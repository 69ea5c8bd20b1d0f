"""The schema table: what we keep of accounts and groups, and what that is called in OpenLDAP and Active Directory.

May live here: this table, the object classes. May not: how values are written (``openldap``,
``active_directory``), or any connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, unique


@unique
class Field(Enum):
    """A row: (OpenLDAP: inetOrgPerson, posixAccount, schoolGroup, ppolicy; AD: user with RFC 2307, group).

    An empty name: this kind of directory does not keep it.
    """

    UUID = ("entryUUID", "objectGUID")
    CHANGED = ("entryCSN", "uSNChanged")
    LOGIN = ("uid", "uid")
    UID = ("uidNumber", "uidNumber")
    GID = ("gidNumber", "gidNumber")
    GIVEN_NAME = ("givenName", "givenName")
    SURNAME = ("sn", "sn")
    DISPLAY_NAME = ("displayName", "displayName")
    MAIL = ("mail", "mail")
    ROLE = ("employeeType", "employeeType")
    HOME = ("homeDirectory", "unixHomeDirectory")
    SHELL = ("", "loginShell")
    SHORT_NAME = ("", "sAMAccountName")
    PRINCIPAL = ("", "userPrincipalName")
    PASSWORD = ("userPassword", "unicodePwd")
    PASSWORD_VERSION = ("", "msDS-KeyVersionNumber")
    PASSWORD_CHANGED = ("pwdChangedTime", "pwdLastSet")
    MUST_CHANGE = ("pwdReset", "pwdLastSet")
    DISABLED = ("pwdEndTime", "userAccountControl")
    LOG_ON = ("", "logonHours")
    GROUP_NAME = ("cn", "cn")
    TITLE = ("description", "description")
    MEMBER = ("member", "member")


READ_OF_ACCOUNTS = (
    Field.UUID,
    Field.LOGIN,
    Field.UID,
    Field.GIVEN_NAME,
    Field.SURNAME,
    Field.DISPLAY_NAME,
    Field.MAIL,
    Field.ROLE,
    Field.PASSWORD_VERSION,
    Field.PASSWORD_CHANGED,
    Field.MUST_CHANGE,
    Field.DISABLED,
    Field.LOG_ON,
)
READ_OF_GROUPS = (Field.GROUP_NAME, Field.GID, Field.TITLE, Field.MEMBER)


@dataclass(frozen=True, slots=True)
class Schema:
    """One column of the table: attribute names by field, object classes, what the name of a person begins with.

    ``longest``: characters that the directory takes in a field, where it takes few.
    """

    attributes: Mapping[Field, str]
    account_classes: tuple[str, ...]
    group_classes: tuple[str, ...]
    account_naming: str
    common_name: str = "cn"
    longest: Mapping[Field, int] = field(default_factory=dict)

    def __getitem__(self, field: Field) -> str:
        return self.attributes[field]

    def __contains__(self, field: Field) -> bool:
        return field in self.attributes

    def names(self, fields: Iterable[Field]) -> tuple[str, ...]:
        """Return what ``fields`` are called, each name once; what is not kept here is left out."""
        return tuple(dict.fromkeys(self.attributes[row] for row in fields if row in self.attributes))

    def values(self, texts: Mapping[Field, str]) -> dict[str, tuple[bytes, ...]]:
        """Return what is written for ``texts``, by attribute: no value for an empty text, cut where it is too long."""
        return {
            self.attributes[row]: (text[: self.longest.get(row)].encode(),) if text else ()
            for row, text in texts.items()
            if row in self.attributes
        }

    def renamed(
        self, names: Mapping[Field, str], account_classes: tuple[str, ...] = (), group_classes: tuple[str, ...] = ()
    ) -> Schema:
        """Return this column with other names for some fields and other classes, where they are given."""
        attributes = {**self.attributes, **names}
        if names.get(Field.LOGIN, "").lower() == attributes.get(Field.SHORT_NAME, "").lower():
            attributes.pop(Field.SHORT_NAME, None)  # whoever calls it the login must not write it twice
        return replace(
            self,
            attributes=attributes,
            account_classes=account_classes or self.account_classes,
            group_classes=group_classes or self.group_classes,
        )


def _column(number: int) -> Mapping[Field, str]:
    return {row: row.value[number] for row in Field if row.value[number]}


OPENLDAP = Schema(_column(0), ("inetOrgPerson", "posixAccount"), ("schoolGroup",), "uid")
ACTIVE_DIRECTORY = Schema(
    _column(1),
    ("user",),
    ("group",),
    "cn",
    longest={Field.GIVEN_NAME: 64, Field.SURNAME: 64, Field.DISPLAY_NAME: 256, Field.TITLE: 1024},
)
