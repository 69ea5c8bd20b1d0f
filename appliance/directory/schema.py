"""The schema table: what we keep of accounts and groups, and what that is called in OpenLDAP and Active Directory.

May live here: this table, the object classes. May not: how values are written (``openldap``,
``active_directory``), or any connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique


@unique
class Field(Enum):
    """A row: (OpenLDAP: inetOrgPerson, posixAccount, schoolGroup, ppolicy; AD: user with RFC 2307, group)."""

    UUID = ("entryUUID", "objectGUID")
    LOGIN = ("uid", "uid")
    UID = ("uidNumber", "uidNumber")
    GID = ("gidNumber", "gidNumber")
    GIVEN_NAME = ("givenName", "givenName")
    SURNAME = ("sn", "sn")
    DISPLAY_NAME = ("displayName", "displayName")
    MAIL = ("mail", "mail")
    ROLE = ("employeeType", "employeeType")
    HOME = ("homeDirectory", "unixHomeDirectory")
    PASSWORD = ("userPassword", "unicodePwd")
    PASSWORD_CHANGED = ("pwdChangedTime", "pwdLastSet")
    MUST_CHANGE = ("pwdReset", "pwdLastSet")
    DISABLED = ("pwdEndTime", "userAccountControl")
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
    Field.PASSWORD_CHANGED,
    Field.MUST_CHANGE,
    Field.DISABLED,
)
READ_OF_GROUPS = (Field.GROUP_NAME, Field.GID, Field.TITLE, Field.MEMBER)


@dataclass(frozen=True, slots=True)
class Schema:
    """One column of the table: attribute names by field, object classes, what the name of a person begins with."""

    attributes: Mapping[Field, str]
    account_classes: tuple[str, ...]
    group_classes: tuple[str, ...]
    account_naming: str
    common_name: str = "cn"

    def __getitem__(self, field: Field) -> str:
        return self.attributes[field]


OPENLDAP = Schema(
    {field: field.value[0] for field in Field}, ("inetOrgPerson", "posixAccount"), ("schoolGroup",), "uid"
)
ACTIVE_DIRECTORY = Schema({field: field.value[1] for field in Field}, ("user",), ("group",), "cn")
