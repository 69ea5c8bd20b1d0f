"""Whose mailboxes an address means, for who writes to it: a person, a device of the school, somebody outside.

May live here: which addresses there are, and whom each reaches. May not: rules about groups and roles (``mailing``),
who takes mail (``mailboxes``), who they are (``members``), envelopes and heads of messages, boxes that are full. An
account comes before a role address, that before a group; at an import nobody gets a login that is the name of either.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.policy.access import Who
from appliance.policy.account import Account, Group, Role
from appliance.policy.decision import Reason, Rule
from appliance.policy.mail_address import is_outside, split
from appliance.policy.mailboxes import POSTMASTER, takes_mail
from appliance.policy.members import covered, in_group
from appliance.policy.snapshot import Snapshot

_INSIDE_ONLY = Rule("built-in K08", "mail stays inside the school")
_UNKNOWN = Rule("state accounts", "no account, group or role has this address")
_NO_MAIL = Rule("state accounts", "the account takes no mail: closed, without consent, or mail is not open to it")
_NO_ADDRESS = Rule("built-in", "mail leaves to plain addresses of domains with a dot only")
_EMPTY = Rule("state accounts", "nobody there takes mail")
_NOT_FOR_STRANGERS = Rule("built-in K08", "groups are written to from inside the school only")
_EACH = Rule("built-in", "everybody may write to each account of the school")
_ADMINS = Who(roles=frozenset({Role.ADMIN}))


@dataclass(frozen=True, slots=True)
class Reached:
    """What an address means: the mailboxes of ``logins``, or the address ``outside`` the school.

    ``group``: they are many, and who has no room is left out; the sender is told of it, but for a role address
    (``role``), of which he need not know who is behind it. ``rule`` says why it is open to the sender.
    """

    logins: tuple[str, ...] = ()
    outside: str | None = None
    group: bool = False
    role: bool = False
    rule: Rule = _EACH


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody gets mail at this address, because of ``reason``; ``rule`` names no person."""

    reason: Reason
    rule: Rule


def from_person(snapshot: Snapshot, login: str, address: str) -> Reached | Refused:
    """Say what ``address`` means to ``login``.

    Refused with OUTSIDE_RECIPIENT, NO_ADDRESS, UNKNOWN_RECIPIENT, CLOSED_GROUP, or NOT_OPEN for an account that takes
    no mail. A hidden account is known to itself only.
    """
    sender = snapshot.accounts.get(login)
    if sender is None:
        return Refused(Reason.UNKNOWN_ACCOUNT, _UNKNOWN)
    found = _meaning(snapshot, address, login)
    if isinstance(found, Group):
        may, rule = snapshot.mail.to_group(sender, found)
        return _group(snapshot, found, rule) if may else Refused(Reason.CLOSED_GROUP, rule)
    if isinstance(found, Refused) and found.rule is _INSIDE_ONLY:
        return _outside(snapshot, sender, address)
    return _inside(snapshot, found)


def from_device(snapshot: Snapshot, address: str) -> Reached | Refused:
    """Say what ``address`` means to a device of the school: anything inside, nothing outside."""
    found = _meaning(snapshot, address)
    if isinstance(found, Group):
        return _group(snapshot, found, Rule("built-in K08", "a device may write to any group"))
    return _inside(snapshot, found)


def from_outside(snapshot: Snapshot, address: str) -> Reached | Refused:
    """Say what ``address`` means to somebody outside: accounts whose role may hear of the outside, role addresses.

    Whatever else there is in the school is refused with UNKNOWN_RECIPIENT, as what there is not: nobody outside finds
    out who goes to it (K26). The rule tells the carer why.
    """
    found = _meaning(snapshot, address)
    if isinstance(found, Group):
        return Refused(Reason.UNKNOWN_RECIPIENT, _NOT_FOR_STRANGERS)
    if isinstance(found, Account) and found.role not in snapshot.mail.receives_outside:
        rule = Rule("mail.yaml outside.receive", f"{found.role} gets no mail from outside")
        return Refused(Reason.UNKNOWN_RECIPIENT, rule)
    reached = _inside(snapshot, found)
    if isinstance(reached, Refused) and reached.reason is Reason.NOT_OPEN:
        return Refused(Reason.UNKNOWN_RECIPIENT, reached.rule)
    return reached


def _meaning(snapshot: Snapshot, address: str, sender: str | None = None) -> Account | Group | Who | Refused:
    """Give what has ``address``; postmaster is known without a domain, too (RFC 5321 4.5.1)."""
    if address.lower() == POSTMASTER:
        return _role(snapshot, POSTMASTER) or _ADMINS
    local, domain = split(address) or ("", address.rpartition("@")[2].lower().removesuffix("."))
    if domain != snapshot.domain:
        return Refused(Reason.OUTSIDE_RECIPIENT, _INSIDE_ONLY)
    account = snapshot.accounts.get(local)
    if account is not None and (not account.hidden or local == sender):
        return account
    return _role(snapshot, local) or snapshot.groups.get(local) or Refused(Reason.UNKNOWN_RECIPIENT, _UNKNOWN)


def _role(snapshot: Snapshot, local: str) -> Who | None:
    """Give who is behind a role address; behind postmaster are the administrators when nobody else takes mail."""
    who = snapshot.mail.addresses.get(local)
    return _ADMINS if local == POSTMASTER and (who is None or not covered(snapshot, who)) else who


def _inside(snapshot: Snapshot, found: Account | Who | Refused) -> Reached | Refused:
    if isinstance(found, Refused):
        return found
    if isinstance(found, Account):
        return Reached((found.login,)) if takes_mail(snapshot, found) else Refused(Reason.NOT_OPEN, _NO_MAIL)
    logins = covered(snapshot, found)
    rule = Rule("mail.yaml rules.addresses", f"a role address: {found}")
    return Reached(logins, group=True, role=True, rule=rule) if logins else Refused(Reason.NOT_OPEN, _EMPTY)


def _group(snapshot: Snapshot, group: Group, rule: Rule) -> Reached | Refused:
    logins = in_group(snapshot, group.name)
    return Reached(logins, group=True, rule=rule) if logins else Refused(Reason.NOT_OPEN, _EMPTY)


def _outside(snapshot: Snapshot, sender: Account, address: str) -> Reached | Refused:
    opened = sender.role in snapshot.mail.sends_outside
    rule = Rule("mail.yaml outside.send", f"{sender.role} may {'' if opened else 'not '}write to the outside")
    if not opened:
        return Refused(Reason.OUTSIDE_RECIPIENT, rule)
    return Reached(outside=address, rule=rule) if is_outside(address) else Refused(Reason.NO_ADDRESS, _NO_ADDRESS)
