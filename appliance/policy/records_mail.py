"""How the rules of mail are written as JSON values in a snapshot and read again: from format 3 on.

May live here: one writer and one reader for each type, side by side. May not: the file as a whole (``snapshot``),
meanings. Sets are sorted, so that equal values give equal text. A reader raises as those of ``records`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.policy.access import Who
from appliance.policy.account import GroupKind, Role
from appliance.policy.mailing import MailRules, RoleRules
from appliance.policy.values import array, flag, text, whole

_Record = dict[str, Any]


def write_mail(rules: MailRules) -> _Record:
    """Give all rules of mail."""
    return {
        "roles": {role: _write_role(of_role) for role, of_role in rules.roles.items()},
        "addresses": {local: write_who(who) for local, who in rules.addresses.items()},
        "sends_outside": sorted(rules.sends_outside),
        "receives_outside": sorted(rules.receives_outside),
    }


def read_mail(record: Mapping[str, Any]) -> MailRules:
    """Read all rules of mail; ``ValueError`` when they leave a role out."""
    roles = {Role(role): _read_role(of_role) for role, of_role in record["roles"].items()}
    if roles.keys() != set(Role):
        raise ValueError("each role has its rules")
    return MailRules(
        roles=roles,
        addresses={local: read_who(who) for local, who in record["addresses"].items()},
        sends_outside=frozenset(map(Role, array(record["sends_outside"]))),
        receives_outside=frozenset(map(Role, array(record["receives_outside"]))),
    )


def _write_role(rules: RoleRules) -> _Record:
    return {
        "any_groups": sorted(rules.any_groups),
        "own_groups": sorted(rules.own_groups),
        "speaks": rules.speaks,
        "per_message": rules.per_message,
        "per_hour": rules.per_hour,
        "bytes_per_hour": rules.bytes_per_hour,
    }


def _read_role(record: Mapping[str, Any]) -> RoleRules:
    return RoleRules(
        any_groups=frozenset(map(GroupKind, array(record["any_groups"]))),
        own_groups=frozenset(map(GroupKind, array(record["own_groups"]))),
        speaks=flag(record["speaks"]),
        per_message=whole(record["per_message"]),
        per_hour=whole(record["per_hour"]),
        bytes_per_hour=whole(record["bytes_per_hour"]),
    )


def write_who(who: Who) -> _Record:
    """Give whom a rule covers."""
    return {
        "everyone": who.everyone,
        "roles": sorted(who.roles),
        "groups": sorted(who.groups),
        "logins": sorted(who.logins),
    }


def read_who(record: Mapping[str, Any]) -> Who:
    """Read whom a rule covers."""
    return Who(
        everyone=flag(record["everyone"]),
        roles=frozenset(map(Role, array(record["roles"]))),
        groups=frozenset(map(text, array(record["groups"]))),
        logins=frozenset(map(text, array(record["logins"]))),
    )
