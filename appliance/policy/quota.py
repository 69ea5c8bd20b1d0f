"""How much somebody may keep (K11). May live here: the rule. May not: counting bytes (``usage``), replies.

One quota over mail and files together; 0 is no bound.
"""

from __future__ import annotations

from typing import Final

from appliance.policy.account import Account
from appliance.policy.decision import Rule

WARNED_AT: Final = (80, 95)
"""Percent of a quota at which its owner is told."""
_BACK = 2
"""Percent by which it must go below again: deleting the warning itself is no reason for the next one."""


def space_left(account: Account, used: int) -> int | None:
    """Give the bytes that ``account`` may add to the ``used`` ones, never below 0; ``None``: as many as it likes."""
    return max(account.quota - used, 0) if account.quota else None


def warned_share(account: Account, used: int, before: int) -> int:
    """Give which of ``WARNED_AT`` the ``used`` bytes have reached; 0: none, or there is no bound.

    ``before`` is what this gave the last time: its owner is told when it has grown.
    """
    reached = (
        share for share in WARNED_AT if used * 100 >= account.quota * (share if share > before else share - _BACK)
    )
    return max(reached, default=0) if account.quota else 0


def over_quota(account: Account, used: int, more: int) -> Rule | None:
    """Give the rule against adding ``more`` bytes to the ``used`` ones; ``None``: there is room for them.

    Adding nothing is always allowed, also to an account that has more than it may. The refusal's reason is OVER_QUOTA.
    """
    if not account.quota or more <= 0 or used + more <= account.quota:
        return None
    return Rule("quota", f"up to {account.quota} bytes for mail and files together")
