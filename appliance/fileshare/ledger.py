"""What is left of somebody's disk space: the ledger of bytes and the quota, put together (K11).

May live here: that sum. May not: counting, which ``usage`` does; the rule, which is ``policy.quota``.
"""

from __future__ import annotations

from appliance.policy.account import Account
from appliance.policy.decision import Reason, Rule
from appliance.policy.quota import over_quota, space_left
from appliance.usage.ledger import Usage


class Ledger:
    """Answers for ``usage``, mail and files together."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def space_left(self, account: Account) -> int | None:
        """Give how many bytes more ``account`` may store; ``None``: as many as there is room for."""
        return space_left(account, self._usage.of(account.uid))

    def refusal(self, account: Account, more: int) -> tuple[Reason, Rule] | None:
        """Say by which rule ``more`` bytes are too many; ``None`` if they are not."""
        rule = over_quota(account, self._usage.of(account.uid), more)
        return None if rule is None else (Reason.OVER_QUOTA, rule)
