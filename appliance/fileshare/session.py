"""One conversation in the words of the policy: who signed in, what he may store and fetch, and whether that holds.

May live here: the questions to the policy, and which reply follows. May not: FTP's grammar (``protocol``), bytes of
files (``data``), the disk (``store``). Each method gives the reply that refuses, or ``None`` when nothing stands
against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from appliance.auth.client import Answer, Verdict
from appliance.fileshare import replies
from appliance.fileshare.acting import Person
from appliance.fileshare.replies import Notice, Stage, Translate
from appliance.fileshare.shares import Shares, shares_of
from appliance.policy.account import Account, Service
from appliance.policy.decision import Allow, Deny, Reason, Rule
from appliance.policy.events import Event, Kind
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot

_LONGEST_TEXT = 1_000  # of an event


class Journal(Protocol):
    """Where events go: the client of audit."""

    def record(self, event: Event) -> None:
        """Hand over ``event``; never waits and never raises."""
        ...

    def refuse(self, service: Service, reason: Reason, rule: Rule) -> str:
        """Record a refusal and give its short code."""
        ...


class Quota(Protocol):
    """What is left of the disk space of an account (K11)."""

    def space_left(self, account: Account) -> int | None:
        """How many bytes more it may store; ``None``: as many as there is room for."""
        ...

    def refusal(self, account: Account, more: int) -> tuple[Reason, Rule] | None:
        """Say by which rule ``more`` bytes are too many; ``None`` if they are not."""
        ...


class Ended(PermissionError):
    """Nobody is signed in here any more."""


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions of a worker share. ``snapshot`` gives the newest one, ``now`` an aware instant."""

    snapshot: Callable[[], Snapshot | None]
    quota: Quota
    journal: Journal
    translate: Translate
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _SignedIn:
    login: str
    at: datetime
    password_changed_at: datetime | None


class FilesSession:
    """One connection from ``address`` (IP as text). ``end`` closes it with the given last reply.

    ``largest`` is how many bytes the file may have that :meth:`store` allowed last; ``valid_until`` when to ask
    :meth:`recheck` after :meth:`signed_in`.
    """

    def __init__(self, house: House, address: str | None, end: Callable[[str], None]) -> None:
        self._house = house
        self._address = address
        self._end = end
        self._who: _SignedIn | None = None
        self._ended = False
        self._here: tuple[Snapshot, Person, Shares] | None = None
        self.valid_until: datetime | None = None
        self.largest = 0

    def signed_in(self, verdict: Verdict, asked_at: datetime) -> str | None:
        """Take the answer of auth to what was asked at ``asked_at``."""
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

    def here(self) -> tuple[Person, Shares]:
        """Give who it is for the disk, and which folders there are, by the newest snapshot. Raises :class:`Ended`."""
        snapshot, account = self._account()
        if self._here is None or self._here[0] is not snapshot:
            shares = shares_of(snapshot, account)
            self._here = (snapshot, Person(account.uid, account.uid, shares.gids), shares)
        return self._here[1], self._here[2]

    def store(self, path: str, size: int | None = None, instead_of: int = 0) -> str | None:
        """Ask to store a file at ``path``, of ``size`` bytes if that is known, instead of own ``instead_of`` bytes."""
        refused = self._decide(Stage.UPLOAD, Action.WRITE, path, size)
        if refused is not None:
            return refused
        _snapshot, account = self._account()
        left = self._house.quota.space_left(account)
        if left is not None:
            self.largest = min(self.largest, left + instead_of)
        found = None if size is None else self._house.quota.refusal(account, size - instead_of)
        return None if found is None else self._refuse(Stage.UPLOAD, *found)

    def too_large(self, path: str, size: int, instead_of: int = 0) -> str:
        """Refuse the file at ``path``, which turned out to have ``size`` bytes or more."""
        return self.store(path, size, instead_of) or self._say(Notice.LATER)  # what stood against it is gone

    def fetch(self, path: str, size: int) -> str | None:
        """Ask to fetch the file at ``path``, which has ``size`` bytes."""
        return self._decide(Stage.DOWNLOAD, Action.READ, path, size)

    def stored(self, path: str, size: int) -> None:
        """Record that a file is stored."""
        self._record(Kind.FILE_STORED, path=path, size=size)

    def fetched(self, path: str, size: int) -> None:
        """Record that a file is being fetched."""
        self._record(Kind.FILE_FETCHED, path=path, size=size)

    def removed(self, path: str) -> None:
        """Record that a file is deleted."""
        self._record(Kind.FILE_REMOVED, path=path)

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

    def _account(self) -> tuple[Snapshot, Account]:
        snapshot = self._house.snapshot()
        account = None if snapshot is None or self._who is None else snapshot.accounts.get(self._who.login)
        if snapshot is None or account is None or self._ended:
            raise Ended(1, "not signed in")
        return snapshot, account

    def _close(self, reply: str, reason: str) -> None:
        if self._who is not None and not self._ended:
            self._ended = True
            self._record(Kind.SESSION_ENDED, service=Service.FILES.value, reason=reason)
            self._end(reply)

    def _record(self, kind: Kind, **fields: str | int) -> None:
        login = "" if self._who is None else self._who.login
        short = {name: value[:_LONGEST_TEXT] if isinstance(value, str) else value for name, value in fields.items()}
        self._house.journal.record(Event(kind, self._house.now(), {"login": login, **short}))

    def _decide(self, stage: Stage, action: Action, target: str = "", size: int | None = None) -> str | None:
        snapshot = self._house.snapshot()
        if self._who is None or snapshot is None or self._ended:
            return self._say(Notice.LATER)
        match decide(snapshot, self._request(action, target, size), self._house.now()):
            case Allow(limits=limits, valid_until=until):
                self.largest, self.valid_until = limits.upload, until
                return None
            case Deny(reason=reason, rule=rule):
                return self._refuse(stage, reason, rule)
        return self._say(Notice.SIGN_IN_LATER if stage is Stage.SIGN_IN else Notice.LATER)

    def _request(self, action: Action, target: str = "", size: int | None = None) -> Request:
        login = "" if self._who is None else self._who.login
        return Request(login, Service.FILES, action, target, address=self._address, size=size)

    def _refuse(self, stage: Stage, reason: Reason, rule: Rule) -> str:
        code = self._house.journal.refuse(Service.FILES, reason, rule)
        return replies.refusal(stage, reason, self._house.translate, code)

    def _say(self, which: Notice) -> str:
        return replies.notice(which, self._house.translate)


def _newer_password(stamp: datetime | None, who: _SignedIn) -> bool:
    """Whether the password was changed after the sign-in. Stamps may be of whole seconds, and our snapshot a bit old.

    A stamp that differs but lies before the second of the sign-in came with the password that was checked.
    """
    return stamp is not None and stamp != who.password_changed_at and stamp >= who.at.replace(microsecond=0)
