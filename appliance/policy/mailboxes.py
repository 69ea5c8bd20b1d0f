"""What an account may do by mail, whomever it writes to: has it a mailbox, who does it write as, may its mail leave.

May live here: these three answers. May not: what an address means (``reach``), how many people (``mailing``), heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from appliance.policy.account import Account, Service
from appliance.policy.decision import Deny, Reason
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot

POSTMASTER = "postmaster"


def writes_as(snapshot: Snapshot, account: Account) -> Mapping[str, str]:
    """Give the addresses (in lower case) that ``account`` may write as, its own first, each with the name shown beside.

    These are its own, those of groups that it may speak for, and for the server's own hidden account postmaster, which
    can be answered.
    """
    voices = {account.login: account.display_name}
    for name in account.groups:
        group = snapshot.groups.get(name)
        if group is not None and snapshot.mail.as_group(account, group):
            voices.setdefault(name, group.title)
    if account.hidden:
        voices.setdefault(POSTMASTER, "Postmaster")
    return {f"{local}@{snapshot.domain}": shown for local, shown in voices.items()}


def may_leave(snapshot: Snapshot, login: str, now: datetime) -> bool:
    """Say whether mail of ``login`` that waits to leave the school may do so ``now`` (aware).

    Not while it is locked, and not after a right, the account or a consent was withdrawn; its hours do not matter.
    """
    account = snapshot.accounts.get(login)
    if account is None or account.role not in snapshot.mail.sends_outside or not takes_mail(snapshot, account):
        return False
    answer = decide(snapshot, Request(login, Service.MAIL, Action.SEND), now)
    return not (isinstance(answer, Deny) and answer.reason is Reason.LOCKED)


def takes_mail(snapshot: Snapshot, account: Account) -> bool:
    """Say whether ``account`` has a mailbox that takes mail, whatever the hour and wherever its owner is.

    A locked account, and one whose first password was not changed yet, go on getting mail that waits for them; a
    disabled one, one without the consents that mail needs (K23) and one to whom mail is never open do not. For a hidden
    account it is enough that mail is open to somebody, as for its sign-in.
    """
    if account.hidden:
        opened = any(rule.allow and Service.MAIL in rule.services for rule in snapshot.rules)
        return opened and not account.disabled
    missing = snapshot.consents_required.get(Service.MAIL, frozenset()) - account.consents
    if account.disabled or missing:
        return False
    for rule in snapshot.rules:
        if Service.MAIL not in rule.services or not rule.who.covers(account):
            continue
        if rule.allow:
            return True
        if not rule.rooms and rule.schedule is None:
            return False
    return False
