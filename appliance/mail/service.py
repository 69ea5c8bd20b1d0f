"""The mail service of one worker: listeners, what all connections share, stop and reload.

May live here: putting the parts together. May not: SMTP, policy, the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from appliance.audit.client import AuditClient
from appliance.auth.client import AuthClient
from appliance.daemon.listeners import BACKLOG
from appliance.daemon.logs import Told
from appliance.daemon.loop import Loop
from appliance.daemon.main import Worker
from appliance.daemon.sessions import Sessions
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.space import Reserve
from appliance.daemon.texts import translator
from appliance.daemon.tls import TlsError, reload_context, server_context
from appliance.mail.intake import Desk
from appliance.mail.protocol import Connection, Submission
from appliance.mail.replies import Notice, notice
from appliance.mail.session import House
from appliance.mail.space import Space
from appliance.mail.store import Store
from appliance.mail.wire import Connections
from appliance.policy.snapshot import Snapshot, decode
from appliance.session.kerberos import Acceptor
from appliance.settings.load import Settings

_THREADS = 8
_GOODBYE = 1.0


class MailService:
    """Takes in mail on the listening sockets named ``submission``."""

    def __init__(self, worker: Worker[Settings], loop: Loop) -> None:
        self._listeners = worker.listening("submission")
        settings = worker.settings
        server = settings.server
        self._tasks: set[asyncio.Task[Any]] = set()
        self._servers: list[asyncio.Server] = []
        self._threads = ThreadPoolExecutor(_THREADS, "store")
        self._store = Store(server.data / "mail", os.uname().nodename, Reserve(server.data, server.reserve))
        ids = settings.directory
        self._space = Space(server.runtime / "usage", ids.id_first, ids.id_last)
        self._sessions = Sessions(loop)
        self._snapshot: Follower[Snapshot] = Follower(
            server.runtime / "snapshots" / "mail.snapshot", decode, loop, lambda _new: self._sessions.recheck_all()
        )
        self._auth = AuthClient(server.runtime / "auth" / "auth.sock")
        self._audit = AuditClient(server.runtime / "audit" / "audit.sock")
        self._shared = Submission(
            house=self._house(settings),
            desk=self._desk(settings),
            sessions=self._sessions,
            connections=Connections(settings.mail.connections, settings.mail.connections_per_address),
            tls=server_context(server.state / "mail" / "tls"),
            tickets=Acceptor(server.state / "mail", settings.directory.long_names),
            domain=settings.school.domain,
            settings=settings.mail,
            keep=self._keep,
        )

    async def listen(self) -> None:
        """Begin to accept connections."""
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            server = await loop.create_server(lambda: Connection(self._shared), sock=listener, backlog=BACKLOG)
            self._servers.append(server)

    async def stop(self) -> None:
        """Accept nothing new, finish the messages that are being stored, and tell the others to come again."""
        for server in self._servers:
            server.close()
        goodbye = notice(Notice.STOPPING, self._shared.house.translate)
        for connection in self._shared.connections:
            connection.last_word(goodbye)
        while self._tasks:
            await asyncio.wait(self._tasks)
        with contextlib.suppress(TimeoutError):  # who does not close his side is cut off by our end
            await asyncio.wait_for(self._shared.connections.none_left(), _GOODBYE)
        self._snapshot.stop()
        await self._auth.close()
        self._audit.close()
        self._threads.shutdown()
        self._space.close()

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings`` and with the certificate that lies there now; open connections keep theirs."""
        self._store.reserve.least = settings.server.reserve
        self._shared = replace(
            self._shared,
            house=self._house(settings),
            desk=self._desk(settings),
            domain=settings.school.domain,
            settings=settings.mail,
        )
        try:
            reload_context(self._shared.tls, settings.server.state / "mail" / "tls")
        except TlsError as error:
            raise Told(f"the certificate stays as it was: {error}") from error

    def _house(self, settings: Settings) -> House:
        return House(
            snapshot=lambda: self._snapshot.current,
            checker=self._auth,
            journal=self._audit,
            space=self._space,
            translate=translator(settings.school.language),
            recipients_max=settings.mail.recipients_max,
        )

    def _desk(self, settings: Settings) -> Desk:
        return Desk(self._store, self._threads, translator(settings.school.language))

    def _keep(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def start(worker: Worker[Settings], loop: Loop) -> MailService:
    """Make the service and let it listen; raises ``TlsError`` or ``LookupError`` for the carer."""
    service = MailService(worker, loop)
    await service.listen()
    return service
