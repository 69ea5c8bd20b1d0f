"""Accounts and groups as the directory knows them.

May live here: frozen types. May not: LDAP names and values (``schema``, ``entries``), or what a service is told
(``policy``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import TypeAlias
from uuid import UUID

from appliance.policy.account import GroupKind, Role


@dataclass(frozen=True, slots=True)
class DirectoryAccount:
    """One account; ``uuid`` stays when everything else changes.

    ``groups`` are the sorted names of its groups, ``password_changed_at`` is aware, ``None`` if it has none.
    ``disabled``: it cannot sign in. ``log_on``: not closed for school PCs alone, where the directory keeps that.
    ``hidden``: it belongs to the server itself (employeeType ``probe``; its role is
    STAFF).
    """

    uuid: UUID
    login: str
    uid: int
    given_name: str
    surname: str
    display_name: str
    mail: str
    role: Role
    groups: tuple[str, ...] = ()
    disabled: bool = False
    must_change: bool = False
    password_changed_at: datetime | None = None
    hidden: bool = False
    log_on: bool = True


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """One group; ``members`` are sorted logins, ``title`` is what people call it."""

    name: str
    kind: GroupKind
    gid: int
    title: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """Everything, sorted by login and name, and the ``cookie`` to ask later whether anything has changed.

    ``foreign`` counts entries that are no accounts or groups of ours (no role or numeric id that we know).
    """

    accounts: tuple[DirectoryAccount, ...]
    groups: tuple[DirectoryGroup, ...]
    cookie: str
    foreign: int = 0


Mark: TypeAlias = tuple[bytes, ...]
"""What is another one after each change of an account, whoever made it; nothing else can be read from it."""


class Checked(Enum):
    """What became of a password; a disabled or unknown account has no right one."""

    GOOD = auto()
    WRONG = auto()
    MUST_CHANGE = auto()
