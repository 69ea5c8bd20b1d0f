"""Whose mailbox an address is. Pure: snapshot in, logins or a reason out.

May live here: which addresses of the school there are, and who takes mail. May not: who may send (``session``), disks.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.mail.addresses import split
from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Reason, Rule
from appliance.policy.snapshot import Snapshot

POSTMASTER = "postmaster"

_INSIDE_ONLY = Rule("built-in K08", "mail stays inside the school")
_UNKNOWN = Rule("state accounts", "no account has this address")
_NO_MAIL = Rule("state accounts", "the account takes no mail: closed, without consent, or mail is not open to it")


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody gets mail at this address, because of ``reason``; ``rule`` names no person."""

    reason: Reason
    rule: Rule


def resolve(snapshot: Snapshot, sender: str, address: str) -> tuple[str, ...] | Refused:
    """Give the logins into whose mailboxes mail from the login ``sender`` to ``address`` goes.

    Refused with OUTSIDE_RECIPIENT, UNKNOWN_RECIPIENT, or NOT_OPEN for an account that takes no mail. A hidden account
    is known to itself only. ``postmaster`` is the admins (RFC 5321 4.5.1); it is known without a domain, too.
    """
    if address.lower() == POSTMASTER:
        return _postmasters(snapshot)
    parts = split(address)
    if parts is None or parts[1] != snapshot.domain:
        return Refused(Reason.OUTSIDE_RECIPIENT, _INSIDE_ONLY)
    login = parts[0]
    account = snapshot.accounts.get(login)
    if account is None or (account.hidden and login != sender):
        return _postmasters(snapshot) if login == POSTMASTER else Refused(Reason.UNKNOWN_RECIPIENT, _UNKNOWN)
    return (login,) if takes_mail(snapshot, account) else Refused(Reason.NOT_OPEN, _NO_MAIL)


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


def _postmasters(snapshot: Snapshot) -> tuple[str, ...] | Refused:
    admins = [
        account
        for account in snapshot.accounts.values()
        if account.role is Role.ADMIN and not account.hidden and takes_mail(snapshot, account)
    ]
    return tuple(sorted(account.login for account in admins)) or Refused(Reason.UNKNOWN_RECIPIENT, _UNKNOWN)
