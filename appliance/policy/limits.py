"""How large a transfer may be (K12). May live here: whose limits are which. May not: counting bytes, replies.

For each direction the most specific line that says something about it counts: that of the account, else the largest of
its groups, else that of the service for its role, else that of the service, else that of its role, else the default.
Rooms and exemptions only raise this, never lower it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Limits, Rule
from appliance.policy.request import Action

_DEFAULT = Limits(upload=20_000_000, download=20_000_000)
_SETTING = "access.yaml limits"
_LINE = 76
_UPLOADS = frozenset({Action.SEND, Action.WRITE})
_RANKS = 4


@dataclass(frozen=True, slots=True)
class LimitRule:
    """One line about limits: bytes up and down (``None``: it says nothing about that direction), and for whom.

    What is ``None`` of ``service``, ``role``, ``group``, ``login`` and ``room`` does not narrow it. With ``until``
    (aware, kept in UTC) it is an exemption, which counts before that instant and only raises; so does one with a
    ``room``. ``source`` is where it is written and names no person.
    """

    source: str
    upload: int | None
    download: int | None
    service: Service | None = None
    role: Role | None = None
    group: str | None = None
    login: str | None = None
    room: str | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Keep the instant in UTC and refuse a naive one (``ValueError``)."""
        if self.until is not None:
            if self.until.tzinfo is None:
                raise ValueError("an exemption needs an end with a time zone")
            object.__setattr__(self, "until", self.until.astimezone(UTC))

    @property
    def only_raises(self) -> bool:
        """Whether it never lowers a limit."""
        return self.room is not None or self.until is not None

    @property
    def rank(self) -> int:
        """How specific it is, the most specific 0."""
        if self.login is not None:
            return 0
        if self.group is not None:
            return 1
        return 2 if self.role is not None else 3

    def covers(self, account: Account, service: Service, rooms: Collection[str]) -> bool:
        """Whether it is about ``account`` at ``service`` in one of ``rooms``, whatever the time."""
        return (
            self.service in (None, service)
            and self.role in (None, account.role)
            and self.login in (None, account.login)
            and (self.group is None or self.group in account.groups)
            and (self.room is None or self.room in rooms)
        )


@dataclass(frozen=True, slots=True)
class LimitTable:
    """The school's limits: of each role in ``roles``, ``default`` for the others, and ``rules`` beyond these.

    ``message_overhead`` is what a mail may have in bytes beside its attachment: heads, text, the borders of parts.
    """

    default: Limits = _DEFAULT
    roles: Mapping[Role, Limits] = field(default_factory=dict)
    message_overhead: int = 262_144
    rules: tuple[LimitRule, ...] = ()

    def largest(self) -> Limits:
        """Give the largest of each over all: what a service announces before it knows who is there."""
        every: tuple[Limits | LimitRule, ...] = (self.default, *self.roles.values(), *self.rules)
        return Limits(
            max(limits.upload for limits in every if limits.upload is not None),
            max(limits.download for limits in every if limits.download is not None),
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may transfer, what says so for each direction, and until when.

    ``valid_until`` is aware; ``None``: until the next snapshot.
    """

    limits: Limits
    upload: Rule
    download: Rule
    valid_until: datetime | None = None

    def rule(self, action: Action) -> Rule:
        """Give what decides on the size of ``action``."""
        return self.upload if action in _UPLOADS else self.download


def limits_for(table: LimitTable, account: Account, service: Service, rooms: Collection[str], now: datetime) -> Grant:
    """Give the limits of ``account`` at ``service`` and ``now``; ``rooms`` are all in which its address lies.

    They stand until the first exemption in force ends.
    """
    of_role = table.roles.get(account.role)
    usual = table.default if of_role is None else of_role
    source = f"{_SETTING}.default" if of_role is None else f"{_SETTING}.roles.{account.role}"
    rules = [rule for rule in table.rules if (rule.until is None or rule.until > now)]
    rules = [rule for rule in rules if rule.covers(account, service, rooms)]
    if not rules:
        rule = Rule(source, _words(usual))
        return Grant(usual, rule, rule)
    upload, up_source = _direction(rules, lambda rule: rule.upload, (usual.upload, source))
    download, down_source = _direction(rules, lambda rule: rule.download, (usual.download, source))
    return Grant(
        Limits(upload, download),
        Rule(up_source, f"up to {upload} bytes up"),
        Rule(down_source, f"up to {download} bytes down"),
        min((rule.until for rule in rules if rule.until is not None), default=None),
    )


def encoded_size(size: int) -> int:
    """Give the bytes that a file of ``size`` bytes takes in a mail: base64 in lines of 76 and CRLF (RFC 2045 6.8)."""
    characters = -(-size // 3) * 4
    return characters + -(-characters // _LINE) * 2


def largest_size(table: LimitTable, limits: Limits, service: Service, action: Action) -> int:
    """Give the largest ``Request.size`` in bytes that ``limits`` permit; for mail that of the whole message."""
    size = limits.upload if action in _UPLOADS else limits.download
    return encoded_size(size) + table.message_overhead if service is Service.MAIL else size


_Said = tuple[int, str]  # bytes, and where it is written


def _direction(rules: Iterable[LimitRule], bytes_of: Callable[[LimitRule], int | None], usual: _Said) -> _Said:
    """Give the limit of one direction by ``rules``, all of which are in force and about the one who asks."""
    ranked: list[list[_Said]] = [[] for _ in range(_RANKS)]
    raising: list[_Said] = []
    for rule in rules:
        size = bytes_of(rule)
        if size is not None:
            (raising if rule.only_raises else ranked[rule.rank]).append((size, rule.source))
    ranked.append([usual])
    special = max(next(filter(None, ranked)), key=_size)
    raised = max(raising, key=_size, default=special)
    return raised if raised[0] > special[0] else special


def _size(said: _Said) -> int:
    return said[0]


def _words(limits: Limits) -> str:
    return f"up to {limits.upload} bytes up, {limits.download} bytes down"
