"""One conversation in the words of the policy: who signed in, what he may send to whom, and whether that still holds.

May live here: the questions to auth and policy, and which reply follows. May not: SMTP's grammar (``protocol``),
bytes of messages (``intake``), the disk. Each method gives the reply that refuses, or ``None`` when nothing stands
against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from appliance.auth.client import Answer, Verdict
from appliance.daemon.secret import Secret
from appliance.mail import recipients, replies
from appliance.mail.addresses import is_own, sender_problem
from appliance.mail.head import Field
from appliance.mail.replies import Notice, Stage, Translate
from appliance.mail.rewrite import Trace
from appliance.policy.account import Service
from appliance.policy.decision import Allow, Deny, Limits, Reason, Rule
from appliance.policy.events import Event, Kind
from appliance.policy.limits import largest_size
from appliance.policy.quota import over_quota
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot

_OWN_ADDRESS = Rule("built-in K09", "sender, From, Sender and Reply-To are the account's own address")
_ONE_WAY = Rule("built-in K09", "a message has one readable head and one From, and its lines end with CR and LF")
_LINE = Rule("mail.yaml", "a line of a message has a greatest length")


class Checker(Protocol):
    """Checks passwords: the client of auth."""

    async def verify(self, service: Service, login: str, password: Secret, address: str | None) -> Verdict:
        """Give the answer of auth; one that cannot be reached answers TRY_LATER."""
        ...


class Journal(Protocol):
    """Where events go: the client of audit."""

    def record(self, event: Event) -> None:
        """Hand over ``event``; never waits and never raises."""
        ...

    def refuse(self, service: Service, reason: Reason, rule: Rule) -> str:
        """Record a refusal and give its short code."""
        ...


class Ledger(Protocol):
    """Counts the space of accounts (K11): :class:`appliance.mail.space.Space`."""

    def of(self, uid: int) -> int:
        """Give the bytes of mail and files of an account."""
        ...

    def add(self, uid: int, amount: int) -> None:
        """Note bytes that were stored for an account."""
        ...


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions of a worker share. ``snapshot`` gives the newest one, ``now`` an aware instant."""

    snapshot: Callable[[], Snapshot | None]
    checker: Checker
    journal: Journal
    space: Ledger
    translate: Translate
    recipients_max: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _SignedIn:
    login: str
    at: datetime
    password_changed_at: datetime | None


class MailSession:
    """One connection from ``address`` (IP as text). ``end`` closes it with the given last reply."""

    def __init__(self, house: House, address: str | None, end: Callable[[str], None]) -> None:
        self._house = house
        self._address = address
        self._end = end
        self._who: _SignedIn | None = None
        self._ended = False
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
        snapshot = self._house.snapshot()
        account = None if self._who is None or snapshot is None else snapshot.accounts.get(self._who.login)
        return "" if account is None else account.display_name

    async def sign_in(self, login: str, password: Secret) -> str | None:
        """Sign in; whatever is denied is said only after the password was found right."""
        asked_at = self._house.now()
        verdict = await self._house.checker.verify(Service.MAIL, login, password, self._address)
        if verdict.answer is Answer.REFUSED:
            return self._say(Notice.WRONG_PASSWORD)
        if verdict.answer is Answer.MUST_CHANGE:
            return replies.refusal(Stage.SIGN_IN, Reason.MUST_CHANGE, self._house.translate, verdict.code)
        if verdict.answer is Answer.DENIED:
            reason = verdict.reason or Reason.NOT_OPEN
            return replies.refusal(Stage.SIGN_IN, reason, self._house.translate, verdict.code)
        snapshot = self._house.snapshot()
        account = snapshot.accounts.get(verdict.login) if snapshot is not None else None
        if verdict.answer is not Answer.VERIFIED or account is None:
            return self._say(Notice.SIGN_IN_LATER)  # also: the account is newer than our snapshot
        self._who = _SignedIn(account.login, asked_at, account.password_changed_at)
        refused = self._decide(Stage.SIGN_IN, Action.SIGN_IN)
        if refused is not None:
            self._who = None
        return refused

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
        snapshot = self._house.snapshot()
        if self._who is None or snapshot is None or self._ended:
            return self._say(Notice.LATER)
        if self._recipients >= self._house.recipients_max:
            return self._say(Notice.TOO_MANY_RECIPIENTS)
        found = recipients.resolve(snapshot, self._who.login, address)
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
        snapshot = self._house.snapshot()
        for account in (snapshot.accounts.get(each) for each in self._logins) if snapshot is not None else ():
            if account is not None:
                self._house.space.add(account.uid, size)
        login = "" if self._who is None else self._who.login
        self._record(Kind.MAIL_ACCEPTED, login=login, recipients=self.logins, size=size, message_id=identity)
        return self._say(Notice.ACCEPTED, id=identity)

    def reset(self) -> None:
        """Forget the present message."""
        self._logins = {}
        self._recipients = 0

    def recheck(self) -> datetime | None:
        """Decide again whether this session may stay open and end it if not; the instant at which to ask next."""
        who, snapshot = self._who, self._house.snapshot()
        if who is None or snapshot is None or self._ended:
            return None
        account = snapshot.accounts.get(who.login)
        if account is not None and _newer_password(account.password_changed_at, who):
            self._close(self._say(Notice.PASSWORD_CHANGED), "password-changed")
            return None
        decision = decide(snapshot, self._request(Action.SIGN_IN), self._house.now())
        if isinstance(decision, Deny):
            self._close(self._refuse(Stage.OPEN_SESSION, decision.reason, decision.rule), decision.reason.value)
            return None
        return decision.valid_until

    def _close(self, reply: str, reason: str) -> None:
        if self._who is not None and not self._ended:
            self._ended = True
            self._record(Kind.SESSION_ENDED, service=Service.MAIL.value, login=self._who.login, reason=reason)
            self._end(reply)

    def _record(self, kind: Kind, **fields: str | int | tuple[str, ...]) -> None:
        self._house.journal.record(Event(kind, self._house.now(), fields))

    def _decide(self, stage: Stage, action: Action, size: int | None = None) -> str | None:
        snapshot = self._house.snapshot()
        if self._who is None or snapshot is None or self._ended:
            return self._say(Notice.LATER)
        decision = decide(snapshot, self._request(action, size), self._house.now())
        match decision:
            case Allow(limits=limits):
                self.largest = _largest(snapshot, limits)
                return None
            case Deny(reason=reason, rule=rule):
                return self._refuse(stage, reason, rule)
        return self._say(Notice.SIGN_IN_LATER if stage is Stage.SIGN_IN else Notice.LATER)

    def _full(self, snapshot: Snapshot, login: str, more: int) -> Rule | None:
        """Give the rule that keeps ``more`` bytes out of the mailbox of ``login``, if one does (K11)."""
        account = snapshot.accounts.get(login)
        return None if account is None else over_quota(account, self._house.space.of(account.uid), more)

    def _request(self, action: Action, size: int | None = None) -> Request:
        login = "" if self._who is None else self._who.login
        return Request(login, Service.MAIL, action, address=self._address, size=size)

    def _own(self) -> str:
        snapshot = self._house.snapshot()
        return "" if self._who is None or snapshot is None else f"{self._who.login}@{snapshot.domain}"

    def _refuse(self, stage: Stage, reason: Reason, rule: Rule) -> str:
        code = self._house.journal.refuse(Service.MAIL, reason, rule)
        return replies.refusal(stage, reason, self._house.translate, code)

    def _say(self, which: Notice, **values: str) -> str:
        return replies.notice(which, self._house.translate, **values)


def announced_size(snapshot: Snapshot | None) -> int | None:
    """Give the SIZE to announce to somebody unknown: that of the role with the largest; ``None``: not known."""
    return None if snapshot is None else _largest(snapshot, snapshot.limits.largest())


def _largest(snapshot: Snapshot, limits: Limits) -> int:
    return largest_size(snapshot.limits, limits, Service.MAIL, Action.SEND)


def _newer_password(stamp: datetime | None, who: _SignedIn) -> bool:
    """Whether the password was changed after the sign-in. Stamps may be of whole seconds, and our snapshot a bit old.

    A stamp that differs but lies before the second of the sign-in came with the password that was checked.
    """
    return stamp is not None and stamp != who.password_changed_at and stamp >= who.at.replace(microsecond=0)
