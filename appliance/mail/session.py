"""One conversation in the words of the policy: who signed in, what he may send to whom, and whether that still holds.

May live here: the questions to auth and policy, and which reply follows. May not: SMTP's grammar (``protocol``),
bytes of messages (``intake``), the disk, what it means to be signed in (``appliance.session``). Each method gives the
reply that refuses, or ``None`` when nothing stands against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from appliance.daemon.secret import Secret
from appliance.mail import recipients
from appliance.mail.addresses import is_own, sender_problem
from appliance.mail.gssapi import Proved
from appliance.mail.head import Field
from appliance.mail.replies import Notice, Stage, notice, told
from appliance.mail.rewrite import Trace
from appliance.policy.account import Account, Service
from appliance.policy.decision import Limits, Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.limits import largest_size
from appliance.policy.quota import over_quota
from appliance.policy.request import Action
from appliance.policy.snapshot import Snapshot
from appliance.session import house
from appliance.session.by_ticket import enter_by_ticket
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.replies import Translate
from appliance.session.visit import Visit, enter

_OWN_ADDRESS = Rule("built-in K09", "sender, From, Sender and Reply-To are the account's own address")
_ONE_WAY = Rule("built-in K09", "a message has one readable head and one From, and its lines end with CR and LF")
_LINE = Rule("mail.yaml", "a line of a message has a greatest length")


class Ledger(Protocol):
    """Counts the space of accounts (K11): :class:`appliance.mail.space.Space`."""

    def of(self, uid: int) -> int:
        """Give the bytes of mail and files of an account."""
        ...

    def add(self, uid: int, amount: int) -> None:
        """Note bytes that were stored for an account."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class House(house.House):
    """What all sessions of a worker share."""

    checker: house.Checker
    space: Ledger
    translate: Translate
    recipients_max: int


class MailSession:
    """One connection from ``address`` (IP as text). ``end`` closes it with the given last reply.

    ``visit`` is there once somebody is signed in.
    """

    def __init__(self, house: House, address: str | None, end: Callable[[str], None]) -> None:
        self._house = house
        self._address = address
        self._end = end
        self.visit: Visit | None = None
        self._logins: dict[str, None] = {}
        self._recipients = 0
        self._announced = 0
        self.largest = 0

    @property
    def logins(self) -> tuple[str, ...]:
        """Whose mailboxes the present message goes to."""
        return tuple(self._logins)

    @property
    def shown_name(self) -> str:
        """What the roster calls who is signed in; empty when it calls him nothing."""
        account = self._account
        return "" if account is None else account.display_name

    @property
    def probing(self) -> bool:
        """Whether it is the server's own hidden account that is signed in, every few seconds."""
        account = self._account
        return account is not None and account.hidden

    @property
    def _account(self) -> Account | None:
        return None if self.visit is None else self._house.account(self.visit.who.login)

    async def sign_in(self, login: str, password: Secret) -> Visit | str:
        """Sign in, or give the reply that says why not."""
        asked_at = self._house.now()
        verdict = await self._house.checker.verify(Service.MAIL, login, password, self._address)
        found = enter(self._house, Service.MAIL, verdict, asked_at, self._address, self._closed)
        if isinstance(found, Obstacle):
            return self._tell(Stage.SIGN_IN, found)
        self.visit = found
        return found

    def sign_in_by_ticket(self, proved: Proved) -> Visit | str:
        """Sign in, or give the reply that says why not; one can be nobody but oneself."""
        snapshot, login = self._house.snapshot(), proved.ticket.login
        if proved.identity.lower() not in {"", login, "" if snapshot is None else f"{login}@{snapshot.domain}"}:
            return self._say(Notice.OTHER_IDENTITY)
        found = enter_by_ticket(self._house, Service.MAIL, proved.ticket, self._address, self._closed)
        if isinstance(found, Obstacle):
            return self._tell(Stage.SIGN_IN, found)
        self.visit = found
        return found

    def sender(self, address: str, size: int | None) -> str | None:
        """Begin a message from ``address``, announced with ``size`` bytes."""
        self.reset()
        self._announced = size or 0
        refused = self._decide(Stage.MESSAGE, Action.SEND, size)
        if refused is None and not is_own(address, self._own()):
            refused = self._refuse(Stage.MESSAGE, Reason.FOREIGN_SENDER, _OWN_ADDRESS)
        return refused

    def recipient(self, address: str) -> str | None:
        """Add a recipient of the present message."""
        snapshot, visit = self._house.snapshot(), self.visit
        if visit is None or snapshot is None or visit.ended:
            return self._say(Notice.LATER)
        if self._recipients >= self._house.recipients_max:
            return self._say(Notice.TOO_MANY_RECIPIENTS)
        found = recipients.resolve(snapshot, visit.who.login, address)
        if isinstance(found, recipients.Refused):
            return self._refuse(Stage.RECIPIENT, found.reason, found.rule)
        full = {login: self._full(snapshot, login, max(self._announced, 1)) for login in found}
        if rule := next((rule for rule in full.values() if rule is not None), None):
            found = tuple(login for login in found if full[login] is None)
            if not found:
                return self._refuse(Stage.RECIPIENT, Reason.OVER_QUOTA, rule)
        self._recipients += 1
        self._logins.update(dict.fromkeys(found))
        return None

    def head(self, fields: Iterable[Field]) -> str | None:
        """Judge whom the head of the present message names as its sender."""
        reason = sender_problem(fields, self._own())
        if reason is None:
            return None
        return self._refuse(Stage.MESSAGE, reason, _ONE_WAY if reason is Reason.MALFORMED else _OWN_ADDRESS)

    def malformed(self, long_line: bool = False) -> str:
        """Refuse the present message as malformed."""
        return self._refuse(Stage.MESSAGE, Reason.MALFORMED, _LINE if long_line else _ONE_WAY)

    def whole(self, size: int) -> str | None:
        """Decide once more, now that the message is there with ``size`` bytes."""
        refused, snapshot = self._decide(Stage.MESSAGE, Action.SEND, size), self._house.snapshot()
        if refused is not None or snapshot is None:
            return refused
        full = (self._full(snapshot, login, size) for login in self._logins)
        rule = next((rule for rule in full if rule is not None), None)
        return None if rule is None else self._refuse(Stage.MESSAGE, Reason.OVER_QUOTA, rule)

    def trace(self, identity: str, smtputf8: bool) -> Trace:
        """Give what is written above the present message, which we call ``identity``."""
        snapshot = self._house.snapshot()
        now = self._house.now() if snapshot is None else self._house.now().astimezone(snapshot.zone)
        return Trace(identity, self._own(), self._own().rpartition("@")[2], now, smtputf8)

    def accepted(self, identity: str, size: int) -> str:
        """Record that the present message is stored in every mailbox, and give the reply that says so."""
        for account in map(self._house.account, self._logins):
            if account is not None:
                self._house.space.add(account.uid, size)
        if self.visit is not None:
            self.visit.record(Kind.MAIL_ACCEPTED, recipients=self.logins, size=size, message_id=identity)
        return self._say(Notice.ACCEPTED, id=identity)

    def reset(self) -> None:
        """Forget the present message."""
        self._logins = {}
        self._recipients = 0

    def _closed(self, why: Obstacle) -> None:
        self._end(self._tell(Stage.OPEN_SESSION, why))

    def _decide(self, stage: Stage, action: Action, size: int | None = None) -> str | None:
        answer = Obstacle(Hitch.LATER) if self.visit is None else self.visit.ask(action, size=size)
        if isinstance(answer, Obstacle):
            return self._tell(stage, answer)
        snapshot = self._house.snapshot()
        self.largest = 0 if snapshot is None else _largest(snapshot, answer.limits)
        return None

    def _full(self, snapshot: Snapshot, login: str, more: int) -> Rule | None:
        """Give the rule that keeps ``more`` bytes out of the mailbox of ``login``, if one does (K11)."""
        account = snapshot.accounts.get(login)
        return None if account is None else over_quota(account, self._house.space.of(account.uid), more)

    def _own(self) -> str:
        snapshot = self._house.snapshot()
        return "" if self.visit is None or snapshot is None else f"{self.visit.who.login}@{snapshot.domain}"

    def _refuse(self, stage: Stage, reason: Reason, rule: Rule) -> str:
        return self._tell(stage, self._house.refuse(Service.MAIL, reason, rule))

    def _tell(self, stage: Stage, obstacle: Obstacle) -> str:
        return told(stage, obstacle, self._house.translate)

    def _say(self, which: Notice, **values: str) -> str:
        return notice(which, self._house.translate, **values)


def announced_size(snapshot: Snapshot | None) -> int | None:
    """Give the SIZE to announce to somebody unknown: that of the role with the largest; ``None``: not known."""
    return None if snapshot is None else _largest(snapshot, snapshot.limits.largest())


def _largest(snapshot: Snapshot, limits: Limits) -> int:
    return largest_size(snapshot.limits, limits, Service.MAIL, Action.SEND)
