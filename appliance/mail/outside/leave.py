"""Whether mail that waits may leave the school now; asked anew at each attempt (K08, K18). Pure.

May live here: that rule, in the words of the queue. May not: who may (``policy``), what follows (``courier``).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from appliance.policy.mailboxes import may_leave, takes_mail
from appliance.policy.snapshot import Snapshot


class Leave(StrEnum):
    """GO; WAIT: its sender is locked, or nothing is known; NEVER: the right was withdrawn; NOBODY: nobody sent it."""

    GO = "go"
    WAIT = "wait"
    NEVER = "never"
    NOBODY = "nobody"


def leave(snapshot: Snapshot | None, login: str, now: datetime) -> Leave:
    """Say what becomes of mail that ``login`` handed in, ``now`` (aware)."""
    if snapshot is None:
        return Leave.WAIT
    account = snapshot.accounts.get(login)
    if account is None:
        return Leave.NOBODY
    if may_leave(snapshot, login, now):
        return Leave.GO
    right = account.role in snapshot.mail.sends_outside and takes_mail(snapshot, account)
    return Leave.WAIT if right else Leave.NEVER
