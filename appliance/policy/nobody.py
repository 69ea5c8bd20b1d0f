"""What an address without owner may do: only what everybody may, whoever it is who uses it.

May live here: the strangers by whose answers this is decided, and how their answers are joined. May not: deciding on
one of them, and when an address has no owner (``rules``). A stranger has a role and neither name nor groups, so what
opens something for those opens nothing here. No consents are asked: there is no person who could have given them (K23),
and use is recorded with the address alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from appliance.policy.account import Account, Role
from appliance.policy.decision import Allow, Decision, Deny, Limits, Rule, TryLater
from appliance.policy.limits import LimitTable
from appliance.policy.owners import NOBODY

STRANGERS: Final = tuple(Account(NOBODY, 0, role) for role in Role)
"""One of each role, without groups."""


def without_exemptions(table: LimitTable) -> LimitTable:
    """Give the limits without what was agreed with somebody for a time (K12)."""
    return replace(table, rules=tuple(rule for rule in table.rules if rule.until is None))


def strictest(answers: Mapping[Role, Decision]) -> Decision:
    """Join the answers to one of each role: all must allow, the smallest limits count, until the first of them ends."""
    until = min((one.valid_until for one in answers.values() if one.valid_until is not None), default=None)
    granted = []
    for role, answer in answers.items():
        if isinstance(answer, TryLater):
            return answer
        if isinstance(answer, Deny):
            return Deny(answer.reason, _told(answer.rule, f"; the strictest rules are those of {role}"), until)
        granted.append(answer)
    limits = Limits(min(one.limits.upload for one in granted), min(one.limits.download for one in granted))
    return Allow(_told(granted[0].rule), limits, until)


def _told(rule: Rule, more: str = "") -> Rule:
    return Rule(rule.source, f"the address has no owner{more}: {rule.text}")
