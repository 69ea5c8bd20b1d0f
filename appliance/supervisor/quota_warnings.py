"""Tells people by mail that their space is nearly full, once each time that it fills up (K11).

May live here: whose turn it is. May not: the rule (``policy.quota``), words (``quota_warnings_text``), SMTP
(``alerts_mail``), the table (``quota_warnings_memory``). Blocking. The journal gets counts only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.daemon.texts import translator
from appliance.policy.quota import warned_share
from appliance.supervisor.alerts_mail import CannotSend, Unwanted
from appliance.supervisor.quota_warnings_text import nearly_full
from appliance.supervisor.quotas_ledger import Stopped
from appliance.supervisor.state import StateError

if TYPE_CHECKING:
    from appliance.policy.account import Account
    from appliance.policy.snapshot import Snapshot
    from appliance.supervisor.alerts_text import Letter

LOG = logging.getLogger(__name__)

EVERY: Final = 5.0
"""Seconds between two looks."""
AT_ONCE: Final = 50
"""At most so many are told at one look: after a change of the settings it may be everybody's turn."""
_AGAIN: Final = 600.0  # seconds until a mail that did not get away is tried again


class Memory(Protocol):
    """Who was told what: :class:`appliance.supervisor.quota_warnings_memory.Warned`."""

    def shares(self) -> dict[int, int]:
        """Give the percent that each account was told of last."""
        ...

    def keep(self, shares: Mapping[int, int]) -> None:
        """Keep these; 0 forgets an account."""
        ...


@dataclass(frozen=True, slots=True)
class Space:
    """What is known of space: ``used(uid)`` bytes, whether that is ``known()`` at all.

    ``count(uid by login)`` counts mailboxes anew, and raises as the ledger does.
    """

    known: Callable[[], bool]
    used: Callable[[int], int]
    count: Callable[[Mapping[str, int]], None]


class QuotaWarnings:
    """Warns the people of ``snapshot()``; ``send(login, letter)`` raises ``CannotSend``.

    ``language()`` is the school's; ``clock`` gives seconds that only grow.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | None],
        space: Space,
        memory: Memory,
        send: Callable[[str, Letter], None],
        language: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot = snapshot
        self._space = space
        self._memory = memory
        self._send = send
        self._language = language
        self._clock = clock
        self._not_before: dict[int, float] = {}
        self._unsaved: dict[int, int] = {}

    def work(self) -> float:
        """Look once and tell whose turn it is; gives the seconds until the next look. Raises ``StateError``."""
        snapshot = self._snapshot()
        if snapshot is None or not self._space.known():
            return EVERY
        people = {account.uid: account for account in snapshot.accounts.values() if _is_told(account)}
        before, now = {**self._memory.shares(), **self._unsaved}, self._clock()
        self._not_before = {uid: instant for uid, instant in self._not_before.items() if instant > now}
        stands = {uid: self._share(account, before) for uid, account in people.items()}
        less = {uid: stands.get(uid, 0) for uid, share in before.items() if stands.get(uid, 0) < share}
        if less:
            self._keep(less)
        more = [uid for uid, share in stands.items() if share > before.get(uid, 0) and uid not in self._not_before]
        if more:
            self._tell([people[uid] for uid in more[:AT_ONCE]], before)
        return EVERY

    def _tell(self, accounts: list[Account], before: Mapping[int, int]) -> None:
        """Count their mail first: what was deleted meanwhile may have made the room."""
        try:
            self._space.count({account.login: account.uid for account in accounts})
        except Stopped:
            return
        except (Unreachable, RequestRefused, OSError) as problem:
            LOG.warning("whose space is nearly full is told later: %s", type(problem).__name__)
            self._wait(accounts)
            return
        told = 0
        for account in accounts:
            share = self._share(account, before)
            if share <= before.get(account.uid, 0):
                continue
            letter = nearly_full(share, self._space.used(account.uid), account.quota, translator(self._language()))
            try:
                self._send(account.login, letter)
                told += 1
            except Unwanted:
                LOG.info("somebody whose space is nearly full gets no mail")
            except CannotSend as problem:
                LOG.warning("whose space is nearly full is told later: %s", problem)
                self._wait([account])
                break  # it may have taken a minute; the others have their turn the next time
            self._keep({account.uid: share})
        if told:
            LOG.info("%d people were told that their space is nearly full", told)

    def _share(self, account: Account, before: Mapping[int, int]) -> int:
        return warned_share(account, self._space.used(account.uid), before.get(account.uid, 0))

    def _keep(self, shares: Mapping[int, int]) -> None:
        """Keep them; while the state takes nothing, in memory at least: nobody is told every few seconds."""
        self._unsaved.update(shares)
        try:
            self._memory.keep(self._unsaved)
        except StateError as problem:
            LOG.error("who was told that his space is nearly full cannot be kept: %s", type(problem).__name__)
        else:
            self._unsaved = {}

    def _wait(self, accounts: list[Account]) -> None:
        self._not_before.update(dict.fromkeys((account.uid for account in accounts), self._clock() + _AGAIN))


def _is_told(account: Account) -> bool:
    return bool(account.quota) and not account.hidden and not account.disabled
