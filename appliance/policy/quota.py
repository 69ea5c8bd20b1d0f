"""How much somebody may keep (K11). May live here: the rule. May not: counting bytes (``usage``), replies.

One quota over mail and files together; 0 is no bound.
"""

from __future__ import annotations

from appliance.policy.account import Account
from appliance.policy.decision import Rule


def space_left(account: Account, used: int) -> int | None:
    """Give the bytes that ``account`` may add to the ``used`` ones, never below 0; ``None``: as many as it likes."""
    return max(account.quota - used, 0) if account.quota else None


def over_quota(account: Account, used: int, more: int) -> Rule | None:
    """Give the rule against adding ``more`` bytes to the ``used`` ones; ``None``: there is room for them.

    Adding nothing is always allowed, also to an account that has more than it may. The refusal's reason is OVER_QUOTA.
    """
    if not account.quota or more <= 0 or used + more <= account.quota:
        return None
    return Rule("quota", f"up to {account.quota} bytes for mail and files together")
