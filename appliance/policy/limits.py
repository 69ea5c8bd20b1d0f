"""How large a transfer may be (K12). May live here: whose limits are which. May not: counting bytes, replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Limits, Rule
from appliance.policy.request import Action

_DEFAULT = Limits(upload=20_000_000, download=20_000_000)
_SETTING = "access.yaml limits"
_LINE = 76
_UPLOADS = frozenset({Action.SEND, Action.WRITE})


@dataclass(frozen=True, slots=True)
class LimitTable:
    """The school's limits: of each role in ``roles``, and ``default`` for the others.

    ``message_overhead`` is what a mail may have in bytes beside its attachment: heads, text, the borders of parts.
    """

    default: Limits = _DEFAULT
    roles: Mapping[Role, Limits] = field(default_factory=dict)
    message_overhead: int = 262_144

    def largest(self) -> Limits:
        """Give the largest of each over all roles: what a service announces before it knows who is there."""
        every = (self.default, *self.roles.values())
        return Limits(max(limits.upload for limits in every), max(limits.download for limits in every))


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may transfer, which setting says so, and until when (aware; ``None``: until the next snapshot)."""

    limits: Limits
    rule: Rule
    valid_until: datetime | None = None


def limits_for(table: LimitTable, account: Account) -> Grant:
    """Give the limits of ``account``: those of its role, else the default."""
    of_role = table.roles.get(account.role)
    if of_role is not None:
        return Grant(of_role, Rule(f"{_SETTING}.roles.{account.role}", _words(of_role)))
    return Grant(table.default, Rule(f"{_SETTING}.default", _words(table.default)))


def encoded_size(size: int) -> int:
    """Give the bytes that a file of ``size`` bytes takes in a mail: base64 in lines of 76 and CRLF (RFC 2045 6.8)."""
    characters = -(-size // 3) * 4
    return characters + -(-characters // _LINE) * 2


def largest_size(table: LimitTable, limits: Limits, service: Service, action: Action) -> int:
    """Give the largest ``Request.size`` in bytes that ``limits`` permit; for mail that of the whole message."""
    size = limits.upload if action in _UPLOADS else limits.download
    return encoded_size(size) + table.message_overhead if service is Service.MAIL else size


def _words(limits: Limits) -> str:
    return f"up to {limits.upload} bytes up, {limits.download} bytes down"
