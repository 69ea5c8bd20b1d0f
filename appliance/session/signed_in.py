"""Who is signed in: what auth said, taken over, and until which change of the password that counts.

May live here: the verdict of auth in the words of a service, and of a person in those of the policy. May not: asking
auth, what the person may do (``visit``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.auth.client import Answer, Verdict
from appliance.policy.account import Account, Service
from appliance.policy.decision import Reason
from appliance.policy.request import Action, Request
from appliance.policy.snapshot import Snapshot
from appliance.session.obstacle import Hitch, Obstacle


@dataclass(frozen=True, slots=True)
class SignedIn:
    """``login``, ``at`` which instant (aware) auth was asked, and the stamp the password had in our snapshot then.

    ``by_address``: no password was asked for, the address is that of a device (``by_address``).
    """

    login: str
    at: datetime
    password_changed_at: datetime | None
    by_address: bool = False

    def request(
        self,
        service: Service,
        action: Action = Action.SIGN_IN,
        target: str = "",
        address: str | None = None,
        size: int | None = None,
        categories: frozenset[str] | None = None,
    ) -> Request:
        """Give what he asks for in the words of the policy; see :class:`~appliance.policy.request.Request`."""
        return Request(self.login, service, action, target, address, None, size, self.by_address, categories)

    def outdated_by(self, account: Account) -> bool:
        """Whether the password of ``account`` was changed after the sign-in (K04).

        Stamps may be of whole seconds, and our snapshot a bit old: a stamp that differs but lies before the second of
        the sign-in came with the password that was checked. An address has none: what ends is its binding.
        """
        stamp = None if self.by_address else account.password_changed_at
        return stamp is not None and stamp != self.password_changed_at and stamp >= self.at.replace(microsecond=0)


def admit(snapshot: Snapshot | None, verdict: Verdict, asked_at: datetime) -> SignedIn | Obstacle:
    """Take the ``verdict`` of auth to what was asked ``asked_at`` that instant.

    What was denied is said only after the password was found right. An account that ``snapshot`` does not know is
    newer than it: it comes again.
    """
    match verdict.answer:
        case Answer.REFUSED:
            return Obstacle(Hitch.WRONG_PASSWORD)
        case Answer.MUST_CHANGE:
            return Obstacle(Reason.MUST_CHANGE, verdict.code)
        case Answer.DENIED:
            return Obstacle(verdict.reason or Reason.NOT_OPEN, verdict.code)
    account = None if snapshot is None else snapshot.accounts.get(verdict.login)
    if verdict.answer is not Answer.VERIFIED or account is None:
        return Obstacle(Hitch.LATER, retry_after=verdict.retry_after)
    return SignedIn(account.login, asked_at, account.password_changed_at)
