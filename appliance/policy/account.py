"""Who somebody is, as far as a decision needs to know it.

May live here: the frozen types of accounts, groups and locks. May not: how they are stored, shown or decided upon.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Role(StrEnum):
    """What somebody is in the school; each account has exactly one."""

    PUPIL = "pupil"
    TEACHER = "teacher"
    STAFF = "staff"
    OFFICE = "office"
    ADMIN = "admin"


class Service(StrEnum):
    """A module that can be open, closed or denied to somebody (K19)."""

    MAIL = "mail"
    FILES = "files"
    WEB = "web"
    PC = "pc"

    @property
    def transfers(self) -> bool:
        """Whether files move through it, so that limits are about it (K12); log-on at the school's PCs moves none."""
        return self is not Service.PC


class GroupKind(StrEnum):
    """What kind of group it is; names are unique across kinds."""

    CLASS = "class"
    COURSE = "course"
    CLUB = "club"
    STAFF = "staff"


class Consent(StrEnum):
    """What a person, or the guardians, may agree to (K23)."""

    ACCOUNT = "account"
    LOGS = "logs"
    VIDEO = "video"
    THIRD_PARTY = "third-party"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of accounts: ``name`` such as ``klasse3a``; ``gid`` is its numeric id in the directory."""

    name: str
    kind: GroupKind
    gid: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """An account, or one service of it, is denied (K18) from ``since`` until ``until`` (aware; ``None``: for good).

    Why and by whom is not here: the supervisor's state knows it, a service does not need it. Both instants are kept in
    UTC: two times of one zone compare by the clock on the wall, which is wrong in the hour that exists twice.
    Raises ``ValueError`` for an instant without a time zone.
    """

    service: Service | None
    since: datetime
    until: datetime | None

    def __post_init__(self) -> None:
        """Refuse naive instants: a lock that ends at an unknown hour ends too early or too late."""
        object.__setattr__(self, "since", _utc(self.since))
        if self.until is not None:
            object.__setattr__(self, "until", _utc(self.until))

    def holds(self, now: datetime) -> bool:
        """Whether it counts at the aware instant ``now``."""
        return self.since <= now and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Account:
    """One person, as the snapshot shows it to a service.

    ``login`` is lower case (``fred.mustermann``), ``uid`` the numeric id in the directory, ``groups`` the names of the
    groups it is a member of (sorted). ``password_changed_at`` is an aware instant (kept in UTC) or ``None`` (never
    set); a newer one ends open sessions (K04). ``hidden`` is an account of the server itself (the probe): no person, so
    no consent is asked of it, and a service that is open to anybody at any time is open to it. ``quota`` is its space
    for mail and files together in bytes (K11), 0 for no bound. A field that an audience does not decide on is empty
    there.
    """

    login: str
    uid: int
    role: Role
    display_name: str = ""
    groups: tuple[str, ...] = ()
    must_change: bool = False
    password_changed_at: datetime | None = None
    consents: frozenset[Consent] = frozenset()
    locks: tuple[Lock, ...] = ()
    disabled: bool = False
    hidden: bool = False
    quota: int = 0

    def __post_init__(self) -> None:
        """Keep the instant in UTC and refuse a naive one (``ValueError``)."""
        if self.password_changed_at is not None:
            object.__setattr__(self, "password_changed_at", _utc(self.password_changed_at))


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone may be too early or too late by hours")
    return instant.astimezone(UTC)
