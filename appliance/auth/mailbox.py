"""How much a mail program may put into its mailbox past our own mail service: IMAP engines ask when one has signed in.

May live here: what follows from limit (K12) and quota (K11) for one mailbox. May not: sockets, the words of an engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.policy.account import Service
from appliance.policy.decision import Allow
from appliance.policy.limits import largest_size
from appliance.policy.quota import space_left
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Bounds:
    """``largest``: bytes of the largest message; ``space``: bytes for all messages, ``None`` for no bound."""

    largest: int
    space: int | None


class Mailboxes:
    """``snapshot`` gives the newest one, ``files`` the bytes of the files of an account by its uid."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | None],
        files: Callable[[int], int],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._snapshot = snapshot
        self._files = files
        self._now = now

    def bounds(self, login: str, address: str | None) -> Bounds | None:
        """Give those of ``login`` coming from ``address``; ``None``: mail is not open to it, or that is not known."""
        snapshot = self._snapshot()
        if snapshot is None or (account := snapshot.accounts.get(login)) is None:
            return None
        decision = decide(snapshot, Request(login, Service.MAIL, Action.SEND, address=address), self._now())
        if not isinstance(decision, Allow):
            return None
        largest = largest_size(snapshot.limits, decision.limits, Service.MAIL, Action.SEND)
        return Bounds(largest, space_left(account, self._files(account.uid)))
