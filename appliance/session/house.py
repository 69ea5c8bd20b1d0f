"""What all sessions of a worker stand on, and the two questions that every service has: may he, and who said no.

May live here: asking the policy by the newest snapshot, recording what it refuses. May not: who is signed in
(``signed_in``), how long that holds (``visit``), a protocol, the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from appliance.auth.client import Verdict
from appliance.daemon.secret import Secret
from appliance.policy.account import Account, Service
from appliance.policy.decision import Allow, Deny, Reason, Rule
from appliance.policy.events import Event, Kind
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot
from appliance.session.obstacle import Hitch, Obstacle


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


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """``snapshot`` gives the newest one, if there is one yet, and ``now`` an aware instant."""

    snapshot: Callable[[], Snapshot | None]
    journal: Journal
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def account(self, login: str) -> Account | None:
        """Give the account as the newest snapshot has it."""
        snapshot = self.snapshot()
        return None if snapshot is None else snapshot.accounts.get(login)

    def ask(self, request: Request) -> Allow | Obstacle:
        """Decide on ``request``; a refusal is recorded."""
        match decide(self.snapshot(), request, self.now()):
            case Allow() as allowed:
                return allowed
            case Deny(reason=reason, rule=rule):
                return self.refuse(request.service, reason, rule)
        return Obstacle(Hitch.LATER)

    def refuse(self, service: Service, reason: Reason, rule: Rule) -> Obstacle:
        """Refuse, and record it."""
        return Obstacle(reason, self.journal.refuse(service, reason, rule))

    def record(self, kind: Kind, **fields: str | int | tuple[str, ...] | None) -> None:
        """Record what happened now."""
        self.journal.record(Event(kind, self.now(), fields))
