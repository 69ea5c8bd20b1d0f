"""Whose log-on at the school's PCs must be closed, by the policy. Pure: ``now`` is an argument.

A PC asks the directory, not us, and the directory knows one flag an account: may log on, or may not. So a flag says
"this person, at any PC, from now on". It follows locks with and without an end, consents, roles, groups, users, times
and holidays; it is turned at the moment at which the policy's answer changes. It cannot tell rooms apart (settings
refuse such a rule), ends no session that is open, and does not reach a PC that is cut off and lets people in from its
own memory. It is kept as if nobody were disabled, which the directory itself knows: so it is right when he comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from appliance.policy.account import Service
from appliance.policy.decision import Deny, Reason
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose log-on is ``closed`` and why, as the snapshot ``of`` says it before ``until`` (``None``: for good)."""

    of: Snapshot
    closed: Mapping[str, Reason]
    until: datetime | None

    def stands(self, snapshot: Snapshot, now: datetime) -> bool:
        """Whether it is what ``snapshot`` says at ``now``."""
        return self.of is snapshot and (self.until is None or now < self.until)

    def urgency(self, login: str) -> int:
        """What is written first has the least: locks, then what else closes, then what opens."""
        reason = self.closed.get(login)
        return 2 if reason is None else 0 if reason is Reason.LOCKED else 1


def wanted(snapshot: Snapshot, now: datetime) -> Wanted:
    """Ask the policy about everybody but the server's own accounts."""
    people = {
        login: replace(account, disabled=False) if account.disabled else account
        for login, account in snapshot.accounts.items()
        if not account.hidden
    }
    as_if = replace(snapshot, accounts=people)
    closed: dict[str, Reason] = {}
    ends: list[datetime] = []
    for login in people:
        answer = decide(as_if, Request(login, Service.PC), now)
        if isinstance(answer, Deny):
            closed[login] = answer.reason
        if answer.valid_until is not None:
            ends.append(answer.valid_until)
    return Wanted(snapshot, closed, min(ends, default=None))
