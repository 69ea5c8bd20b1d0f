"""One conversation in the words of the policy: who signed in, what he may store and fetch, and whether that holds.

May live here: the questions to the policy, and which reply follows. May not: FTP's grammar (``protocol``), bytes of
files (``data``), the disk (``store``), what it means to be signed in (``appliance.session``). Each method gives the
reply that refuses, or ``None`` when nothing stands against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from appliance.auth.client import Verdict
from appliance.fileshare.acting import Person
from appliance.fileshare.replies import Stage, told
from appliance.fileshare.shares import Shares, shares_of
from appliance.policy.account import Account, Service
from appliance.policy.decision import Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.request import Action
from appliance.policy.snapshot import Snapshot
from appliance.session import house
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.replies import Translate
from appliance.session.visit import Visit, enter
from appliance.usage.weight import weight

_LONGEST_TEXT = 1_000  # of an event


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


@dataclass(frozen=True, slots=True, kw_only=True)
class House(house.House):
    """What all sessions of a worker share."""

    quota: Quota
    translate: Translate


class FilesSession:
    """One connection from ``address`` (IP as text). ``end`` closes it with the given last reply.

    ``visit`` is there once somebody is signed in. ``largest`` is how many bytes the file may have that :meth:`store`
    allowed last; ``room`` says, also when nobody is signed in any more, whether its owner may have so many bytes more.
    """

    def __init__(self, house: House, address: str | None, end: Callable[[str], None]) -> None:
        self._house = house
        self._address = address
        self._end = end
        self._here: tuple[tuple[Snapshot, bool], Person, Shares] | None = None
        self.visit: Visit | None = None
        self.largest = 0
        self.room: Callable[[int], bool] = lambda _more: False

    def speak(self, translate: Translate) -> None:
        """Give reasons in the language of ``translate`` from now on."""
        self._house = replace(self._house, translate=translate)

    def signed_in(self, verdict: Verdict, asked_at: datetime) -> Visit | str:
        """Take the answer of auth to what was asked at ``asked_at``; the reply that says why not, if so."""
        found = enter(self._house, Service.FILES, verdict, asked_at, self._address, self._closed)
        if isinstance(found, Obstacle):
            return self._tell(Stage.SIGN_IN, found)
        self.visit = found
        return found

    def here(self) -> tuple[Person, Shares]:
        """Give who it is for the disk, and which folders there are, by the newest snapshot. Raises :class:`Ended`."""
        snapshot, account = self._account()
        exam = self.visit is not None and self.visit.in_exam()
        if self._here is None or self._here[0][0] is not snapshot or self._here[0][1] is not exam:
            shares = shares_of(snapshot, account)
            shares = shares.in_exam if exam else shares
            self._here = ((snapshot, exam), Person(account.uid, account.uid, shares.gids), shares)
        return self._here[1], self._here[2]

    def store(self, path: str, size: int | None = None, instead_of: int = 0) -> str | None:
        """Ask to store a file at ``path``, of ``size`` bytes if that is known, instead of own ``instead_of`` bytes."""
        refused = self._decide(Stage.UPLOAD, Action.WRITE, path, size)
        if refused is not None:
            return refused
        _snapshot, account = self._account()
        self.room = lambda more: self._house.quota.refusal(account, more) is None
        left = self._house.quota.space_left(account)
        if left is not None:
            self.largest = min(self.largest, left + instead_of)
        found = None if size is None else self._house.quota.refusal(account, weight(size) - instead_of)
        return None if found is None else self._tell(Stage.UPLOAD, self._house.refuse(Service.FILES, *found))

    def make(self) -> str | None:
        """Ask to make a folder, which takes space like anything that has a name."""
        _snapshot, account = self._account()
        found = self._house.quota.refusal(account, weight(0))
        return None if found is None else self._tell(Stage.UPLOAD, self._house.refuse(Service.FILES, *found))

    def too_large(self, path: str, size: int, instead_of: int = 0) -> str:
        """Refuse the file at ``path``, which turned out to have ``size`` bytes or more."""
        gone = Obstacle(Hitch.LATER)  # what stood against it stands there no more
        return self.store(path, size, instead_of) or self._tell(Stage.UPLOAD, gone)

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

    def _account(self) -> tuple[Snapshot, Account]:
        snapshot = self._house.snapshot()
        account = None if self.visit is None else self.visit.account
        if snapshot is None or account is None:
            raise Ended(1, "not signed in")
        return snapshot, account

    def _closed(self, why: Obstacle) -> None:
        self._end(self._tell(Stage.OPEN_SESSION, why))

    def _record(self, kind: Kind, path: str, **fields: int) -> None:
        if self.visit is not None:
            self.visit.record(kind, path=path[:_LONGEST_TEXT], **fields)

    def _decide(self, stage: Stage, action: Action, target: str, size: int | None) -> str | None:
        answer = Obstacle(Hitch.LATER) if self.visit is None else self.visit.ask(action, target, size)
        if isinstance(answer, Obstacle):
            return self._tell(stage, answer)
        self.largest = answer.limits.upload
        return None

    def _tell(self, stage: Stage, obstacle: Obstacle) -> str:
        return told(stage, obstacle, self._house.translate)
