"""Ends sessions at the engines through the privileged helper, at once and once more when nobody can be late.

A session may be opened between publication and the moment at which auth has read the new snapshot; the second round,
``SETTLE`` seconds after the first, ends that one too. What could not be done is on disk and tried again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.policy.account import Service
from appliance.supervisor.versions import Kicks

LOG = logging.getLogger(__name__)

SETTLE = 1.0
"""Seconds until every reader has the new snapshot: well over their poll of 0.25 s, well under the promised 2 s."""


class Kicker:
    """``kick(service, login)`` ends the sessions of one login; it blocks and raises as the privileged client does."""

    def __init__(self, kicks: Kicks, kick: Callable[[Service, str], None], clock: Callable[[], float]) -> None:
        self._kicks = kicks
        self._kick = kick
        self._clock = clock
        self._guard = threading.Lock()
        self._first: dict[tuple[str, str], float] = {}
        self._failing = False

    def note(self, service: Service, logins: Iterable[str]) -> None:
        """Remember, on disk, that the sessions of ``logins`` must end; raises ``StateError``."""
        logins = list(logins)
        with self._guard:
            self._kicks.note(service.value, logins)
            for login in logins:
                self._first.pop((login, service.value), None)

    def run(self) -> bool:
        """End what is waiting; whether something is left for a round ``SETTLE`` seconds later."""
        for key in self._kicks.waiting():
            login, service = key
            try:
                self._kick(Service(service), login)
            except Unreachable:
                if not self._failing:
                    LOG.error("sessions cannot be ended: the privileged helper gives no answer; it is tried again")
                self._failing = True
                return True
            except RequestRefused as refusal:
                LOG.warning("a session could not be ended (%s); an engine that is down has none", refusal.kind)
            self._failing = False
            self._settle(key)
        return bool(self._kicks.waiting())

    def _settle(self, key: tuple[str, str]) -> None:
        with self._guard:
            now = self._clock()
            first = self._first.setdefault(key, now)
            if now - first >= SETTLE:
                self._kicks.done(*key)
                del self._first[key]
