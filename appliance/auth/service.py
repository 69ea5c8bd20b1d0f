"""The running password service: what is made at the start, followed while it runs, and given back at the end."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from appliance.audit.client import AuditClient
from appliance.auth.binds import DirectoryCalls
from appliance.auth.changes import Changes
from appliance.auth.checking import Checker
from appliance.auth.envelope import Keys
from appliance.auth.mailbox import Mailboxes
from appliance.auth.memory import memory_for
from appliance.auth.session import SignIn
from appliance.auth.throttle import Allowances, Throttle
from appliance.auth.ticket import Tickets
from appliance.auth.verbs import Verbs
from appliance.daemon.counts import Pace
from appliance.daemon.identities import Identities
from appliance.daemon.loop import Loop
from appliance.daemon.request_server import RequestServer, serve
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.worker import Worker
from appliance.directory.client import connect
from appliance.policy.snapshot import Snapshot, decode
from appliance.settings.load import Settings
from appliance.usage.ledger import Usage

_LIFE: Final = {"domain": timedelta(hours=10)}
"""How long a ticket may be used and renewed: our own domain says so (``directory.domain.render``)."""
_LONGEST_LIFE: Final = timedelta(days=7)  # that of Windows, as it comes


class AuthService:
    """Everything that runs; made by :func:`start`."""

    def __init__(
        self,
        servers: list[RequestServer],
        follower: Follower[Snapshot],
        calls: DirectoryCalls,
        checker: Checker,
        changes: Changes,
        audit: AuditClient,
        usage: Usage,
    ) -> None:
        self._servers = servers
        self._follower = follower
        self._calls = calls
        self._checker = checker
        self._changes = changes
        self._audit = audit
        self._usage = usage

    async def stop(self) -> None:
        """Answer what was asked, then give everything back."""
        for server in self._servers:
            await server.stop()
        self._follower.stop()
        self._calls.close()
        self._audit.close()
        self._usage.close()

    def reload(self, settings: Settings) -> None:
        """Go on with new numbers of ``auth.yaml`` and the school's name; where the directory is needs a restart."""
        self._checker.use(_throttle(settings), memory_for(settings))
        self._changes.school = settings.school.name


async def start(worker: Worker[Settings], loop: Loop) -> AuthService:
    """Answer on the sockets named ``auth``."""
    settings = worker.settings
    runtime = settings.server.runtime
    follower = Follower(runtime / "snapshots" / "auth.snapshot", decode, loop)

    def snapshot() -> Snapshot | None:
        return follower.current

    audit = AuditClient(runtime / "audit" / "audit.sock")
    calls = DirectoryCalls(connect(settings, "auth"), settings.auth.threads, settings.directory.timeout)
    checker = Checker(snapshot, calls, _throttle(settings), time.monotonic, memory_for(settings))
    changes = Changes(snapshot, checker, calls, audit, settings.school.name)
    usage = Usage(runtime / "usage")
    verbs = Verbs(
        SignIn(snapshot, checker, audit),
        Tickets(snapshot, audit, settings.domain.realm, _LIFE.get(settings.directory.kind, _LONGEST_LIFE)),
        Mailboxes(snapshot, lambda uid: usage.parts(uid)[1]),
        changes,
        Keys.generate(),
        Identities(settings.server).of("supervisor").uid,
    )
    servers = [await serve(listener, verbs.table()) for listener in worker.listening("auth")]
    return AuthService(servers, follower, calls, checker, changes, audit, usage)


def _throttle(settings: Settings) -> Throttle:
    numbers = settings.auth
    allowances = Allowances(numbers.pair_bar, numbers.address_bar, numbers.account_bar, numbers.window)
    return Throttle(allowances, Pace(numbers.first_delay, numbers.factor, numbers.max_delay))
