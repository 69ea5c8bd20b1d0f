"""Somebody signed in to one service: what he may do, and whether he may stay.

May live here: the life of a session, the same in every service. May not: what a protocol says when something stands
against it, which ``end`` and the service's ``replies`` do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from appliance.auth.client import Verdict
from appliance.policy.account import Account, Service
from appliance.policy.decision import Allow, Reason, Rule
from appliance.policy.events import Kind
from appliance.policy.lessons import in_exam
from appliance.policy.request import Action
from appliance.session.house import House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn, admit

Standing = Callable[[], Allow | Obstacle]


class Visit:
    """``who`` at ``service`` from ``address`` (IP as text), a session of :class:`appliance.daemon.sessions.Sessions`.

    ``end(obstacle)`` is called once, when he may stay no longer by ``standing``; that asks by default whether he could
    sign in still. ``valid_until`` is when to ask :meth:`recheck`; ``None``: at the next snapshot. There may be ten
    thousand of them.
    """

    __slots__ = ("_address", "_end", "_house", "_service", "_standing", "ended", "valid_until", "who")

    def __init__(
        self,
        house: House,
        service: Service,
        who: SignedIn,
        address: str | None,
        end: Callable[[Obstacle], None],
        standing: Standing | None = None,
    ) -> None:
        self.who = who
        self.ended = False
        self.valid_until: datetime | None = None
        self._house = house
        self._service = service
        self._address = address
        self._end = end
        self._standing = standing

    @property
    def account(self) -> Account | None:
        """His account by the newest snapshot; ``None`` too when the session has ended."""
        return None if self.ended else self._house.account(self.who.login)

    def in_exam(self, at: datetime | None = None) -> bool:
        """Whether he writes an exam at the aware instant ``at`` (now), as far as the newest snapshot knows."""
        snapshot, account = self._house.snapshot(), self.account
        if snapshot is None or account is None:
            return False
        return in_exam(snapshot, account, at or self._house.now())

    def ask(self, action: Action, target: str = "", size: int | None = None) -> Allow | Obstacle:
        """Decide on what he wants; a refusal is recorded, and nothing is decided after the end."""
        if self.ended:
            return Obstacle(Hitch.LATER)
        return self._house.ask(self.who.request(self._service, action, target, self._address, size))

    def refuse(self, reason: Reason, rule: Rule) -> Obstacle:
        """Refuse what the service judges by itself, and record it."""
        return self._house.refuse(self._service, reason, rule)

    def record(self, kind: Kind, **fields: str | int | tuple[str, ...] | None) -> None:
        """Record what he did."""
        self._house.record(kind, login=self.who.login, **fields)

    def recheck(self) -> datetime | None:
        """Decide again whether he may stay, and end the session if not; the instant at which to ask next.

        A temporary failure ends nothing.
        """
        if self.ended:
            return None
        account = self.account
        if account is not None and self.who.outdated_by(account):
            self._close(Obstacle(Hitch.PASSWORD_CHANGED))
            return None
        answer = self.standing()
        if isinstance(answer, Allow):
            self.valid_until = answer.valid_until
            return self.valid_until
        if answer.why is not Hitch.LATER:
            self._close(answer)
        return None

    def standing(self) -> Allow | Obstacle:
        """Say whether he may stay."""
        return self.ask(Action.SIGN_IN) if self._standing is None else self._standing()

    def told(self, obstacle: Obstacle) -> None:
        """End what the service holds open, because of ``obstacle``."""
        self._end(obstacle)

    def _close(self, obstacle: Obstacle) -> None:
        self.ended = True
        self.record(Kind.SESSION_ENDED, service=self._service.value, reason=obstacle.why.value)
        self.told(obstacle)


def enter(
    house: House,
    service: Service,
    verdict: Verdict,
    asked_at: datetime,
    address: str | None,
    end: Callable[[Obstacle], None],
) -> Visit | Obstacle:
    """Let in whom auth let in, when our own snapshot, which may be newer, says so too; see :class:`Visit`."""
    return enter_as(house, service, admit(house.snapshot(), verdict, asked_at), address, end)


def enter_as(
    house: House, service: Service, who: SignedIn | Obstacle, address: str | None, end: Callable[[Obstacle], None]
) -> Visit | Obstacle:
    """Let in ``who`` has proved to be somebody."""
    if isinstance(who, Obstacle):
        return who
    visit = Visit(house, service, who, address, end)
    answer = visit.ask(Action.SIGN_IN)
    if isinstance(answer, Obstacle):
        return answer
    visit.valid_until = answer.valid_until
    return visit
