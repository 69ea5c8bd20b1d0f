"""The mail service of one worker: listeners, what all connections share, stop and reload.

May live here: putting the parts together. May not: SMTP, policy, the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from appliance.audit.client import AuditClient
from appliance.auth.client import AuthClient
from appliance.daemon.accepting import accepted
from appliance.daemon.connections import Connections
from appliance.daemon.listeners import BACKLOG
from appliance.daemon.logs import Told, describe
from appliance.daemon.loop import Loop
from appliance.daemon.main import Worker
from appliance.daemon.sessions import Sessions
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.space import Reserve
from appliance.daemon.texts import translator
from appliance.daemon.tls import TlsError, reload_context, server_context
from appliance.mail.commits import AT_ONCE, Commits
from appliance.mail.connection import Submission, Way
from appliance.mail.device import NUMBERS, Unlisted, devices_by_address
from appliance.mail.house import House
from appliance.mail.intake import Desk
from appliance.mail.outside.backlog import Backlog
from appliance.mail.outside.inbound import relay_at
from appliance.mail.outside.scan import Scanners
from appliance.mail.party import Party
from appliance.mail.protocol import Conversation
from appliance.mail.replies import Notice, notice
from appliance.mail.seal import Sealer
from appliance.mail.seal_key import NoKey, own_key
from appliance.mail.space import Space
from appliance.mail.store import Store
from appliance.mail.tally import Tally
from appliance.policy.snapshot import Snapshot, decode
from appliance.session.kerberos import Acceptor
from appliance.settings.load import Settings

_THREADS = 8
_GOODBYE = 1.0


class MailService:
    """Takes in mail on the listening sockets called as each :class:`Way`."""

    def __init__(self, worker: Worker[Settings], loop: Loop) -> None:
        self._listeners = [(Way.SUBMISSION, one) for one in worker.listening(Way.SUBMISSION)]
        for way in (Way.SUBMISSIONS, Way.SMTP):
            self._listeners += [(way, one) for one in worker.listening_if_any(way)]
        settings = worker.settings
        server = settings.server
        self._tasks: set[asyncio.Task[Any]] = set()
        self._servers: list[asyncio.Server] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._patterns: dict[Way, Conversation] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "store")
        self._flushes = ThreadPoolExecutor(AT_ONCE, "flush")
        self._store = Store(server.data / "mail", os.uname().nodename, Reserve(server.data, server.reserve))
        self._commits = Commits(self._store, self._flushes, self._threads)
        self._backlog = Backlog(server.data / "mail" / ".spool", settings.mail.outside.spool_max, self._threads)
        self._sealer = Sealer(_key_of_the_mark(server.state / "mail"))
        ids = settings.directory
        self._space = Space(server.runtime / "usage", ids.id_first, ids.id_last)
        self._tallies = tuple(
            Tally(server.state / "mail" / name, first, last)
            for names, first, last in (
                (("tally", "tally-kib"), ids.id_first, ids.id_last),
                (("tally-devices", "tally-devices-kib"), 0, NUMBERS - 1),
            )
            for name in names
        )
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
            known=self._known,
            unlisted=Unlisted(settings.network.device_networks),
            domain=settings.school.domain,
            settings=settings.mail,
            keep=self._keep,
        )
        self._devices = devices_by_address(self._shared.house, settings.mail.devices)

    async def listen(self) -> None:
        """Begin to accept connections."""
        loop = asyncio.get_running_loop()
        self._patterns = self._made_patterns()
        for way, listener in self._listeners:
            if way is Way.SUBMISSIONS:
                self._accepting.append(asyncio.ensure_future(self._accept_secured(listener)))
                continue
            server = await loop.create_server(partial(self._another, way), sock=listener, backlog=BACKLOG)
            self._servers.append(server)

    async def _accept_secured(self, listener: socket.socket) -> None:
        """Count whom we accept before TLS costs anything."""
        async for link, address in accepted(listener):
            connection = self._another(Way.SUBMISSIONS)
            if connection.let_in(address):
                self._keep(connection.secure(link))
            else:
                link.close()

    def _another(self, way: Way) -> Conversation:
        return self._patterns[way].another()

    def _made_patterns(self) -> dict[Way, Conversation]:
        return {way: Conversation(self._shared, way) for way in Way}

    async def stop(self) -> None:
        """Accept nothing new, finish the messages that are being stored, and tell the others to come again."""
        for server in self._servers:
            server.close()
        for task in self._accepting:
            task.cancel()
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
        if self._shared.desk.scanners is not None:
            self._shared.desk.scanners.close()
        self._flushes.shutdown()
        self._space.close()
        for tally in self._tallies:
            tally.close()

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings`` and with the certificate that lies there now; open connections keep theirs."""
        self._store.reserve.least = settings.server.reserve
        self._backlog.most = settings.mail.outside.spool_max
        self._shared = replace(
            self._shared,
            house=self._house(settings),
            desk=self._desk(settings),
            domain=settings.school.domain,
            settings=settings.mail,
            unlisted=Unlisted(settings.network.device_networks),
        )
        self._devices = devices_by_address(self._shared.house, settings.mail.devices)
        self._patterns = self._made_patterns()
        try:
            reload_context(self._shared.tls, settings.server.state / "mail" / "tls")
        except TlsError as error:
            raise Told(f"the certificate stays as it was: {error}") from error

    def _house(self, settings: Settings) -> House:
        hours, weights, device_hours, device_weights = self._tallies
        return House(
            snapshot=lambda: self._snapshot.current,
            checker=self._auth,
            journal=self._audit,
            space=self._space,
            spool=self._backlog,
            hours=hours,
            weights=weights,
            device_hours=device_hours,
            device_weights=device_weights,
            translate=translator(settings.school.language),
            recipients_max=settings.mail.recipients_max,
        )

    def _desk(self, settings: Settings) -> Desk:
        translate = translator(settings.school.language)
        scanners = Scanners(settings.mail.outside, settings.school.domain)
        return Desk(self._store, self._commits, self._threads, self._sealer, translate, scanners)

    def _known(self, address: str) -> Party | None:
        """Give who hands in mail from an IP address without signing in: a device, or who brings it from outside."""
        house, relays = self._shared.house, self._shared.settings.outside.relays
        return self._devices.get(address) or relay_at(house, relays, address)

    def _keep(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _key_of_the_mark(folder: Path) -> SigningKey:
    try:
        return own_key(folder)
    except (NoKey, OSError) as error:
        raise Told(f"the key of the mark of delivered mail cannot be read: {describe(error)}") from error


async def start(worker: Worker[Settings], loop: Loop) -> MailService:
    """Make the service and let it listen; raises ``TlsError`` or ``LookupError`` for the carer."""
    service = MailService(worker, loop)
    await service.listen()
    gc.freeze()  # what was made until now stays: no collection needs to walk through it, least of all during a message
    return service
