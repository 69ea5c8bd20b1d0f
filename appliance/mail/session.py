"""One conversation in the words of the policy: who hands in what to whom, and whether that still holds.

May live here: what is asked of the party and of the boxes, and which reply follows. May not: what a party may
(``party`` and its kinds), SMTP's grammar (``protocol``), bytes of messages (``intake``), the disk, what it means to be
signed in (``appliance.session``). Each method gives the reply that refuses, or ``None`` when nothing stands against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from appliance.daemon.secret import Secret
from appliance.mail.addresses import wrong_senders
from appliance.mail.boxes import Boxes
from appliance.mail.envelope import Asked, Envelope
from appliance.mail.gssapi import Proved
from appliance.mail.head import Field
from appliance.mail.house import House
from appliance.mail.many import TooMany
from appliance.mail.named import Recipient, Recipients
from appliance.mail.party import Delivery, Party
from appliance.mail.person import Person
from appliance.mail.replies import Notice, Stage, notice, told
from appliance.mail.reports import Outcome, Report
from appliance.mail.reports_text import Action
from appliance.mail.rewrite import Trace
from appliance.mail.wrong import Wrong
from appliance.policy import request
from appliance.policy.account import Account, Service
from appliance.policy.decision import Limits, Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.limits import largest_size
from appliance.policy.quota import over_quota
from appliance.policy.reach import Refused
from appliance.policy.snapshot import Snapshot
from appliance.session.by_ticket import enter_by_ticket
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.visit import Visit, enter

_LOOP = Rule("RFC 5321 6.3", "a message that came through so many servers goes round for ever")
_SCANNER = Rule("mail.yaml outside", "the scanner found something harmful in the message")
_PER_EVENT = 100
_STEP = 1024 * 1024
_REPORT = 16 * 1024
_NO_ENVELOPE, _NOTHING_ASKED = Envelope(), Asked()


class MailSession:
    """One connection from ``address`` (IP as text). ``end`` closes it with the given last reply.

    ``party`` is there once somebody signed in or entered by his address; ``visit`` only after a sign-in. ``largest`` is
    what a message of his may weigh in bytes. ``secured``: it has TLS.
    """

    def __init__(self, house: House, address: str | None, end: Callable[[str], None]) -> None:
        self._house = house
        self._address = address
        self._end = end
        self.visit: Visit | None = None
        self.secured = False
        self.party: Party | None = None
        self.largest = 0
        self.reset()

    def reset(self) -> None:
        """Forget the present message."""
        self._sender = ""
        self._dsn = _NO_ENVELOPE
        self._announced = 0
        self._identity = ""
        self._recipients = Recipients()
        self._delivery = Delivery()
        self._taken = 0

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom the envelope of the present message names."""
        return tuple(recipient.address for recipient in self._recipients.named)

    @property
    def envelope(self) -> Envelope:
        """What the sender of the present message wants reports to look like."""
        return self._dsn

    @property
    def probing(self) -> bool:
        """Whether it is the server's own hidden account, which comes every few seconds."""
        return self.party is not None and self.party.hidden

    async def sign_in(self, login: str, password: Secret) -> Visit | str:
        """Sign in, or give the reply that says why not."""
        asked_at = self._house.now()
        verdict = await self._house.checker.verify(Service.MAIL, login, password, self._address)
        return self._signed_in(enter(self._house, Service.MAIL, verdict, asked_at, self._address, self._closed))

    def sign_in_by_ticket(self, proved: Proved) -> Visit | str:
        """Sign in, or give the reply that says why not; one can be nobody but oneself."""
        snapshot, login = self._house.snapshot(), proved.ticket.login
        if proved.identity.lower() not in {"", login, "" if snapshot is None else f"{login}@{snapshot.domain}"}:
            return self._say(Notice.OTHER_IDENTITY)
        return self._signed_in(enter_by_ticket(self._house, Service.MAIL, proved.ticket, self._address, self._closed))

    def enter(self, party: Party) -> None:
        """Let in whom his address makes ``party``; a sign-in may still follow."""
        self.party = party

    def sender(self, address: str, size: int | None, dsn: Envelope = _NO_ENVELOPE) -> str | None:
        """Begin a message from ``address`` (the null sender is empty or ``<>``), announced with ``size`` bytes."""
        self.reset()
        sender = "" if address == "<>" else address
        refused = self._may(size)
        if refused is None and self.party is not None and not self.party.sends_as(sender):
            refused = self._refuse(Stage.MESSAGE, Reason.FOREIGN_SENDER, self.party.voice)
        self._sender, self._dsn, self._announced = sender, dsn, size or 0
        return refused

    def recipient(self, address: str, asked: Asked = _NOTHING_ASKED) -> str | None:
        """Add a recipient of the present message."""
        snapshot, party = self._house.snapshot(), self.party
        if party is None or snapshot is None or (self.visit is not None and self.visit.ended):
            return self._say(Notice.LATER)
        if len(self._recipients.named) >= self._house.recipients_max:
            return self._say(Notice.TOO_MANY_RECIPIENTS)
        reached = party.reach(address)
        if isinstance(reached, Refused):
            return self._refuse(Stage.RECIPIENT, reached.reason, reached.rule)
        counted, recipients = party.counted, self._recipients.count_with(reached)
        many = None if counted is None else counted.too_many(recipients, self._announced, self._house.now())
        if many is not None:
            return self._tell_many(many)
        recipient = Recipient(address, asked, reached)
        if reached.outside is not None and self._house.spool.refuses(self._announced):
            return self._say(Notice.FULL)
        # Rounded, or whoever announces sizes and sends nothing would learn to the byte what somebody else has left.
        full = self._boxes(snapshot, self._announced // _STEP * _STEP).refused((recipient,))
        if full is not None:
            return self._refuse(Stage.RECIPIENT, full.reason, full.rule)
        self._recipients.add(recipient)
        return None

    def head(self, fields: tuple[Field, ...]) -> bytes | str:
        """Give the head to store, or the reply that refuses whom it names as its sender."""
        if self.party is None:
            return self._say(Notice.LATER)
        reason = self.party.head(fields)
        if not isinstance(reason, Reason):
            return reason
        if reason is Reason.MALFORMED:
            return self.malformed(wrong_senders(fields) or Wrong.SENDER)
        return self._refuse(Stage.MESSAGE, reason, _LOOP if reason is Reason.LOOP else self.party.voice)

    def malformed(self, wrong: Wrong) -> str:
        """Refuse the present message as malformed."""
        return self._refuse(Stage.MESSAGE, Reason.MALFORMED, wrong.value)

    def harmful(self) -> str:
        """Refuse the present message, because a scanner found something in it."""
        return self._refuse(Stage.MESSAGE, Reason.HARMFUL, _SCANNER)

    def too_large(self, size: int) -> str:
        """Refuse the present message, of which ``size`` bytes were read before it was too large."""
        return self._may(size) or self._say(Notice.LATER)  # he may have got more in the meantime

    def whole(self, size: int) -> Delivery | str:
        """Decide once more, now that the message is there with ``size`` bytes: what must be stored, or why not.

        Comes last, right before it is stored: its recipients are counted for the hour, and its bytes in each mailbox
        until :meth:`accepted` counts those that were stored, or :meth:`lost` gives them back: no room is given twice.
        """
        refused, snapshot, party = self._may(size), self._house.snapshot(), self.party
        if refused is not None or snapshot is None or party is None:
            return refused or self._say(Notice.LATER)
        # Another worker asks for the same room at this moment: who is counted before he asks never gets too much.
        everybody = self._recipients.logins
        self._count(everybody, size)
        boxes = self._boxes(snapshot, size, counted=size)
        delivery = self._placed(boxes, party, size)
        if isinstance(delivery, str):
            self._count(everybody, -size)
            return delivery
        self._count(everybody.keys() - delivery.logins, -size)
        self._delivery, self._taken = delivery, size
        self._spool(size)
        outcomes = boxes.outcomes(self._recipients)
        if outcomes:
            self._delivery = replace(delivery, reports=self._reports(snapshot, outcomes))
        return self._delivery

    def _placed(self, boxes: Boxes, party: Party, size: int) -> Delivery | str:
        """Say into which of ``boxes`` and where else the present message goes, counted for the hour; or why not."""
        full = boxes.refused(self._recipients.named)
        if full is not None:
            return self._refuse(Stage.RECIPIENT, full.reason, full.rule)
        delivery = boxes.delivery(self._recipients)
        if delivery.outside and self._house.spool.refuses(size):
            return self._say(Notice.FULL)
        recipients = len(delivery.logins) + len(delivery.outside)
        many = None if party.counted is None else party.counted.count(recipients, size, self._house.now())
        return delivery if many is None else self._tell_many(many)

    def lost(self) -> None:
        """Give back what :meth:`whole` counted in mailboxes and spool, as the present message could not be stored."""
        self._count(self._delivery.logins, -self._taken)
        self._spool(-self._taken)
        self._taken = 0

    def trace(self, identity: str, smtputf8: bool) -> Trace:
        """Give what is written above the present message, which we call ``identity``."""
        snapshot = self._house.snapshot()
        domain = "localhost" if snapshot is None else snapshot.domain
        now = self._house.now() if snapshot is None else self._house.now().astimezone(snapshot.zone)
        self._identity = identity
        return Trace(identity, self._sender, domain, now, smtputf8, self.secured, self.visit is not None)

    def accepted(self, identity: str, size: int, reports: Sequence[tuple[str, int]] = ()) -> str:
        """Record that the present message is stored, with ``size`` bytes in each mailbox, and give the reply.

        ``reports``: the sizes of the reports that were stored with it, by login.
        """
        self._count(self._delivery.logins, size - self._taken)
        if self._delivery.outside:
            self._house.spool.placed(self._taken)
        for login, stored in reports:
            self._count((login,), stored)
        self._record(identity, size)
        return self._say(Notice.ACCEPTED, id=identity)

    def _count(self, logins: Iterable[str], amount: int) -> None:
        for account in map(self._house.account, logins):
            if account is not None:
                self._house.space.add(account.uid, amount)

    def _spool(self, amount: int) -> None:
        if self._delivery.outside:
            self._house.spool.take(amount)

    def _record(self, identity: str, size: int) -> None:
        """Record the envelope, in several events where one would be too long."""
        if self.party is None:
            return
        sender = None if self._sender.lower() == self.party.address else self._sender
        everybody = (*self._delivery.logins, *(recipient.address for recipient in self._delivery.outside))
        for start in range(0, len(everybody), _PER_EVENT):
            self._house.record(
                Kind.MAIL_ACCEPTED,
                login=self.party.login,
                sender=sender,
                recipients=everybody[start : start + _PER_EVENT],
                size=size,
                message_id=identity,
            )

    def _signed_in(self, found: Visit | Obstacle) -> Visit | str:
        if isinstance(found, Obstacle):
            return self._tell(Stage.SIGN_IN, found)
        self.visit, self.party = found, Person(self._house, found)
        return found

    def _closed(self, why: Obstacle) -> None:
        self._end(self._tell(Stage.OPEN_SESSION, why))

    def _may(self, size: int | None) -> str | None:
        answer = Obstacle(Hitch.LATER) if self.party is None else self.party.may(size)
        if isinstance(answer, Obstacle):
            return self._tell(Stage.MESSAGE, answer)
        snapshot = self._house.snapshot()
        self.largest = 0 if snapshot is None else _largest(snapshot, answer.limits)
        return None

    @property
    def _account(self) -> Account | None:
        """Who sends, and has a mailbox for reports; ``None``: nobody."""
        return None if self.party is None else self._house.account(self.party.login)

    def _tell_many(self, many: TooMany) -> str:
        obstacle = self._house.refuse(Service.MAIL, many.reason, many.rule)
        return self._tell(Stage.RECIPIENT, replace(obstacle, retry_after=many.retry_after))

    def _reports(self, snapshot: Snapshot, outcomes: tuple[Outcome, ...]) -> tuple[tuple[str, Report], ...]:
        """Give what the sender is told; only who has a mailbox is told anything."""
        account = self._account
        if not outcomes or self.party is None or account is None:
            return ()
        if all(outcome.action is Action.DELIVERED for outcome in outcomes) and over_quota(
            account, self._house.space.of(account.uid), _REPORT
        ):
            return ()  # or whoever asks for reports fills his mailbox without bound
        now = self._house.now().astimezone(snapshot.zone)
        report = Report(
            identity=f"{self._identity}.report",
            domain=snapshot.domain,
            to=self.party.address,
            at=now,
            arrived=now,
            outcomes=outcomes,
            envid=self._dsn.envid,
            whole=self._dsn.ret == "FULL",
        )
        return ((self.party.login, report),)

    def _boxes(self, snapshot: Snapshot, size: int, counted: int = 0) -> Boxes:
        """Give the mailboxes for ``size`` bytes, of which ``counted`` are in their sums already."""
        space = self._house.space
        return Boxes(snapshot, lambda uid: space.of(uid) - counted, max(size, 1))

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
    return largest_size(snapshot.limits, limits, Service.MAIL, request.Action.SEND)
