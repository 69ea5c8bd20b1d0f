"""The hidden account that probes sign in with: made once, its password issued anew by each supervisor.

May live here: having such an account and its password. May not: any probe.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from appliance.auth.envelope import BrokenEnvelope
from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryError
from appliance.policy.decision import Deny, Reason
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.supervisor.people import OutOfNumbers, People
from appliance.supervisor.probe import Probe, ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.state import StateError

if TYPE_CHECKING:
    from appliance.settings.load import Settings
    from appliance.supervisor.folders_found import Found
    from appliance.supervisor.passwords import Passwords
    from appliance.supervisor.publisher import Publisher

LOG = logging.getLogger(__name__)

LOGIN: Final = "schoolserver-probe"
_LONGEST: Final = 5.0
"""Seconds that one network operation of a probe may take."""


class Visiting:
    """Gives a :class:`Visitor`; ``create(uid)`` makes the hidden account in the directory. Blocking, thread-safe.

    ``found()`` says whose folders are on the disk: their numbers are not given to it.
    """

    def __init__(
        self,
        settings: Settings,
        people: People,
        publisher: Publisher,
        passwords: Passwords,
        create: Callable[[int], Any],
        found: Callable[[], Found],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self.settings = settings
        self._people = people
        self._publisher = publisher
        self._passwords = passwords
        self._create = create
        self._found = found
        self._guard = threading.Lock()
        self._password: Secret | None = None

    def visitor(self) -> Visitor:
        """Who probes; raises :class:`ProbeFailed` while account or password cannot be had."""
        with self._guard:
            if self._password is None:
                self._password = self._issued()
            server = self.settings.server
            timeout = max(1.0, min(server.probe_interval, _LONGEST))
            return Visitor(self.settings, LOGIN, self._password, timeout, server.state / "authority" / "ca.pem")

    def closed(self, probe: Probe) -> bool:
        """Whether the school has closed the probe's service altogether: then there is nothing to prove."""
        snapshot = self._publisher.snapshot
        if probe.service is None or snapshot is None or LOGIN not in snapshot.accounts:
            return False
        answer = decide(snapshot, Request(LOGIN, probe.service), self._clock())
        return isinstance(answer, Deny) and answer.reason is Reason.NOT_OPEN

    def with_password(self, probe: Probe) -> Probe:
        """The same probe, after whose refused sign-in the next one gets a new password."""

        def run(visitor: Visitor) -> str | None:
            try:
                return probe.run(visitor)
            except WrongPassword:
                with self._guard:
                    if self._password is visitor.password:
                        self._password = None
                raise

        return replace(probe, run=run)

    def _issued(self) -> Secret:
        try:
            try:
                self._have_account()
            except (Unreachable, RequestRefused) as problem:
                raise ProbeFailed(None, f"nobody tells which numbers are free: {problem}") from problem
            password = self._passwords.issue_probe(LOGIN)
        except (DirectoryError, StateError, OutOfNumbers) as problem:
            raise ProbeFailed(None, f"the hidden account cannot be made: {problem}") from problem
        except (Unreachable, RequestRefused, BrokenEnvelope) as problem:
            raise ProbeFailed(None, f"the hidden account gets no password: {problem}") from problem
        self._publisher.look()
        self._publisher.in_force()
        return password

    def _have_account(self) -> None:
        directory = self._publisher.directory
        if directory is None:
            raise ProbeFailed(None, "the directory has not been read yet")
        if any(account.login == LOGIN for account in directory.accounts):
            return
        numbers = self.settings.directory
        used = max((account.uid for account in directory.accounts), default=0)
        used = max(used, self._found().highest(numbers.id_first, numbers.id_last))
        self._create(self._people.next_number("uid", numbers.id_first, numbers.id_last, used))
        LOG.info("the hidden account for probes was made")
        self._publisher.look()
        self._publisher.in_force()
