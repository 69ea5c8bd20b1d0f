"""Who may write what to whom by mail, to how many and how much (K08, K09, K11): the school's rules of mail.

May live here: these rules, and their answer about one account. May not: what an address means (``reach``), counting,
replies. Each answer names the setting that gave it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from appliance.policy.access import Who
from appliance.policy.account import Account, Group, GroupKind, Role
from appliance.policy.decision import Rule

_ALL = frozenset(GroupKind)
_SETTING = "mail.yaml rules"


@dataclass(frozen=True, slots=True)
class RoleRules:
    """What a role may: ``any_groups``: kinds of groups to write to; ``own_groups``: of those that one is a member of.

    ``speaks``: whether one may write as a group that one is a member of. ``per_message`` and ``per_hour``: recipients,
    counted after groups are expanded. ``bytes_per_hour``: what is sent within one, a message once for each recipient.
    """

    any_groups: frozenset[GroupKind] = _ALL
    own_groups: frozenset[GroupKind] = _ALL
    speaks: bool = True
    per_message: int = 1000
    per_hour: int = 3000
    bytes_per_hour: int = 10 * 10**9


_PUPILS = RoleRules(
    frozenset(),
    frozenset({GroupKind.CLUB}),
    speaks=False,
    per_message=40,
    per_hour=100,
    bytes_per_hour=500 * 10**6,
)
_OTHERS = RoleRules()
_USUAL: Mapping[Role, RoleRules] = MappingProxyType({role: _PUPILS if role is Role.PUPIL else _OTHERS for role in Role})


@dataclass(frozen=True, slots=True)
class Bounds:
    """To how many recipients somebody may write with one message, and within an hour; the settings that say so.

    ``bytes_per_hour``: how much he may write within an hour, a message counted once for each recipient.
    """

    per_message: int
    per_hour: int
    message_setting: str
    hour_setting: str
    bytes_per_hour: int
    bytes_setting: str

    def too_wide(self, recipients: int) -> Rule | None:
        """Give the rule that keeps a message from so many ``recipients``."""
        most = self.per_message
        return Rule(self.message_setting, f"up to {most} recipients of a message") if recipients > most else None

    def hour_full(self, before: int, recipients: int) -> Rule | None:
        """Give the rule that keeps from so many more ``recipients`` after those ``before`` in the hour."""
        most = self.per_hour
        return Rule(self.hour_setting, f"up to {most} recipients in an hour") if before + recipients > most else None

    def hour_spent(self, before: int, more: int) -> Rule | None:
        """Give the rule that keeps from so many ``more`` bytes after those ``before`` in the hour."""
        if before + more <= self.bytes_per_hour:
            return None
        words = f"up to {self.bytes_per_hour} bytes in an hour, a message counted for each of its recipients"
        return Rule(self.bytes_setting, words)


@dataclass(frozen=True, slots=True)
class MailRules:
    """All rules of mail.

    ``roles`` has each role. ``addresses``: who gets mail to a role address, by its local part in lower case; postmaster
    is the administrators unless it is here (RFC 5321 4.5.1). ``sends_outside`` and ``receives_outside``: roles that
    mail may leave the school from, and come into it for (K08, K10, K34).
    """

    roles: Mapping[Role, RoleRules] = field(default_factory=lambda: _USUAL)
    addresses: Mapping[str, Who] = field(default_factory=dict)
    sends_outside: frozenset[Role] = frozenset()
    receives_outside: frozenset[Role] = frozenset()

    def to_group(self, account: Account, group: Group) -> tuple[bool, Rule]:
        """Say whether ``account`` may write to ``group``, and what says so."""
        rules = self.roles[account.role]
        if group.kind in rules.any_groups:
            return True, Rule(f"{_SETTING}.any_group.{account.role}", f"{account.role} may write to any {group.kind}")
        if group.name in account.groups and group.kind in rules.own_groups:
            rule = Rule(f"{_SETTING}.own_group.{account.role}", f"{account.role} may write to each own {group.kind}")
            return True, rule
        words = f"{account.role} may write to {_kinds(rules)}"
        return False, Rule(f"{_SETTING}.own_group.{account.role}", words)

    def as_group(self, account: Account, group: Group) -> bool:
        """Say whether ``account`` may write as ``group``."""
        return self.roles[account.role].speaks and group.name in account.groups

    def bounds(self, account: Account) -> Bounds | None:
        """Give to how many ``account`` may write; ``None``: to as many as it likes, as our own probe does."""
        if account.hidden:
            return None
        rules = self.roles[account.role]
        return Bounds(
            rules.per_message,
            rules.per_hour,
            f"{_SETTING}.recipients_per_message.{account.role}",
            f"{_SETTING}.recipients_per_hour.{account.role}",
            rules.bytes_per_hour,
            f"{_SETTING}.bytes_per_hour.{account.role}",
        )


def _kinds(rules: RoleRules) -> str:
    any_kind = [f"any {kind}" for kind in sorted(rules.any_groups)]
    own = [f"each own {kind}" for kind in sorted(rules.own_groups - rules.any_groups)]
    return ", ".join(any_kind + own) or "no group"
