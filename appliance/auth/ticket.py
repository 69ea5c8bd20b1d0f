"""Who shows a ticket to an engine: the engine opened it, the policy decides, and says whose a ticket may be.

May live here: from a name in a ticket to one of five answers. May not: tickets, sockets, the words of an engine. Our
own services see when a ticket was issued and decide by that (``session.by_ticket``). An engine does not tell; so that a
changed password ends what tickets open (K04), it opens nothing by ticket until those from before have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.auth.credentials import canonical
from appliance.auth.replies import Answer, Verdict
from appliance.auth.session import Journal, decided
from appliance.directory.short import ACCOUNT, short_name
from appliance.policy.account import Service
from appliance.policy.events import Event, Kind
from appliance.policy.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Shown:
    """The ``verdict``, the ``principals`` by which the account is called in a ticket, and whether it is ``too_soon``.

    Too soon is REFUSED: the password was changed, and a ticket of the former one may be valid.
    """

    verdict: Verdict
    principals: tuple[str, ...] = ()
    too_soon: bool = False


class Tickets:
    """Answers for ``realm``, where tickets, renewed ones too, end ``life`` after the password was typed.

    ``snapshot`` gives the newest snapshot each time it is called, ``now`` an aware instant.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | None],
        journal: Journal,
        realm: str,
        life: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._snapshot = snapshot
        self._journal = journal
        self._realm = realm
        self._life = life
        self._now = now
        self._known: tuple[Snapshot, Mapping[str, str]] | None = None

    def shown(self, service: Service, name: str, address: str | None) -> Shown:
        """Answer who comes as ``name``, a login, an address of the school or a principal, from ``address``.

        Whether the ticket is one of his ``principals`` the engine has to compare. Raises ``ValueError`` for an address
        that is none.
        """
        snapshot = self._snapshot()
        if snapshot is None:
            return Shown(Verdict(Answer.TRY_LATER, name))
        plain = canonical(canonical(name, self._realm), snapshot.domain)
        login = self._shortened(snapshot).get(plain, plain)
        account = snapshot.accounts.get(login)
        if account is None:
            return Shown(Verdict(Answer.REFUSED, name))
        changed = account.password_changed_at
        if changed is not None and self._now() - changed < self._life:
            return Shown(Verdict(Answer.REFUSED, login), self._principals(login), too_soon=True)
        return Shown(decided(snapshot, self._journal, service, account, address), self._principals(login))

    def entered(self, service: Service, login: str, address: str | None) -> None:
        """Record that ``login`` was let in by a ticket."""
        fields = {"service": service.value, "login": login, "address": address}
        self._journal.record(Event(Kind.SIGN_IN, self._now(), {**fields, "outcome": "verified", "way": "ticket"}))

    def _principals(self, login: str) -> tuple[str, ...]:
        return tuple(f"{name}@{self._realm}" for name in dict.fromkeys((login, short_name(login))))

    def _shortened(self, snapshot: Snapshot) -> Mapping[str, str]:
        """Give the logins that AD shortens, by their short names."""
        if self._known is None or self._known[0] is not snapshot:
            long = (login for login in snapshot.accounts if len(login) > ACCOUNT)
            self._known = snapshot, {short_name(login): login for login in long}
        return self._known[1]
