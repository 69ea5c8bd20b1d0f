"""As whom each part of the server runs: system users, plain numbers (a demo as root), or all as the caller.

May live here: ids. May not: making users (the packages do) or folders (the launcher does).
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

PARTS = (
    *("supervisor", "auth", "audit", "privileged", "mail", "imap", "directory", "fileshare", "proxy", "backup"),
    *("autoconfig", "resolver", "lists"),
)
_NAMED_GROUPS = {"services": "schoolserver", "admin": "schoolserver-admin"}
_OFFSETS = {name: number for number, name in enumerate(("services", "admin", *PARTS))}
_ALONE = ("autoconfig", "resolver", "lists")  # they have to do with strangers: they reach nobody else's socket
_READERS = ("auth", "mail", "fileshare", "proxy")  # whose snapshots the supervisor hands to their groups


class Numbering(Protocol):
    """The settings that decide: ``identity`` (users, numbers, same) and ``first_id``."""

    @property
    def identity(self) -> str:
        """How parts are told apart."""
        ...

    @property
    def first_id(self) -> int:
        """The first of the numeric ids."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """User id, group id and supplementary group ids (sorted, without ``gid``) of a process."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Identities:
    """The ids of every part and group under ``server``."""

    def __init__(self, server: Numbering) -> None:
        self._first = server.first_id
        modes: dict[str, tuple[Callable[[str], Identity], Callable[[str], int]]] = {
            "users": (_user, _group),
            "numbers": (self._numbered, self._number),
            "same": (_caller, lambda _name: os.getegid()),
        }
        self._of, self._group = modes[server.identity]

    def of(self, part: str) -> Identity:
        """Return as whom ``part`` runs; raise KeyError for an unknown part, LookupError when its user is missing."""
        if part not in PARTS:
            raise KeyError(part)
        return self._of(part)

    def group(self, name: str) -> int:
        """Return the id of the group ``services`` (all parts) or ``admin`` (carers); raise LookupError if missing."""
        if name not in _NAMED_GROUPS:
            raise KeyError(name)
        return self._group(name)

    def _number(self, name: str) -> int:
        return self._first + _OFFSETS[name]

    def _numbered(self, part: str) -> Identity:
        services = self._number("services")
        if part == "privileged":
            return Identity(0, 0, (services,))
        own = self._number(part)
        groups = [] if part in _ALONE else [services]
        if part == "supervisor":
            groups += [self._number("admin"), *(self._number(reader) for reader in _READERS)]
        if part == "imap":
            groups.append(self._number("mail"))
        return Identity(own, own, tuple(sorted(groups)))


def _user(part: str) -> Identity:
    if part == "privileged":
        return Identity(0, 0, (_group("services"),))
    name = f"schoolserver-{part}"
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise LookupError(f"there is no system user {name}; installing the package schoolserver makes it") from None
    groups = set(os.getgrouplist(name, entry.pw_gid)) - {entry.pw_gid}
    return Identity(entry.pw_uid, entry.pw_gid, tuple(sorted(groups)))


def _group(name: str) -> int:
    try:
        return grp.getgrnam(_NAMED_GROUPS[name]).gr_gid
    except KeyError:
        raise LookupError(
            f"there is no group {_NAMED_GROUPS[name]}; installing the package schoolserver makes it"
        ) from None


def _caller(_part: str) -> Identity:
    return Identity(os.geteuid(), os.getegid(), tuple(sorted(set(os.getgroups()) - {os.getegid()})))
