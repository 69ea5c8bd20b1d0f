"""The file service of one worker: listeners, what all connections share, stop and reload.

May live here: putting the parts together, and as whom the worker rests. May not: FTP, policy, the disk.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Any

from pyftpdlib.servers import FTPServer

from appliance.audit.client import AuditClient
from appliance.daemon.identities import Identities
from appliance.daemon.logs import Told
from appliance.daemon.main import Worker
from appliance.daemon.sessions import Sessions
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.space import Reserve
from appliance.daemon.texts import translator
from appliance.daemon.tls import TlsError, reload_context, server_context
from appliance.fileshare.acting import Acting, Staying, Switching
from appliance.fileshare.checker import Checker
from appliance.fileshare.ledger import Ledger
from appliance.fileshare.loop import FtpLoop
from appliance.fileshare.protocol import AtOnce, Connection, Shared
from appliance.fileshare.replies import Notice, notice
from appliance.fileshare.secured import strict
from appliance.fileshare.session import House
from appliance.fileshare.store import Store
from appliance.policy.snapshot import Snapshot, decode
from appliance.settings.load import Settings
from appliance.usage.delta import Delta, Place
from appliance.usage.ledger import Usage

_log = logging.getLogger(__name__)
_BACKLOG = 4096
_UMASK = 0o007
_CHANNELS = 3  # descriptors that one connection may have in the loop: control, data, the port that waits for data


class FileService:
    """Gives people their files on the listening sockets named ``ftp`` and, with TLS from the beginning, ``ftps``."""

    def __init__(self, worker: Worker[Settings], loop: FtpLoop) -> None:
        settings = worker.settings
        server = settings.server
        acting = _acting(settings)
        os.umask(_UMASK)
        self._sessions = Sessions(loop)
        self._snapshot: Follower[Snapshot] = Follower(
            server.runtime / "snapshots" / "files.snapshot", decode, loop, lambda _new: self._sessions.recheck_all()
        )
        self._audit = AuditClient(server.runtime / "audit" / "audit.sock")
        self._quota = Ledger(Usage(server.runtime / "usage"))
        ids = settings.directory
        self._delta = Delta(server.runtime / "usage", Place.FILES, ids.id_first, ids.id_last)
        self._shared = Shared(
            house=self._house(settings),
            store=Store(server.data, acting, self._delta, Reserve(server.data, server.reserve)),
            checker=Checker(server.runtime / "auth" / "auth.sock", loop),
            sessions=self._sessions,
            tls=strict(server_context(server.state / "fileshare" / "tls")),
            settings=settings.fileshare,
            networks=settings.network.networks,
            language=settings.school.language,
            addresses=[],
            connections=set(),
            strangers={},
        )
        self._doors = [_Door(one, Connection, self._shared, loop) for one in worker.listening("ftp")]
        self._doors += [_Door(one, AtOnce, self._shared, loop) for one in worker.listening_if_any("ftps")]
        self._stopping = False

    def stop(self) -> None:
        """Accept nothing new; running transfers may end."""
        for door in self._doors:
            door.close()
        self._stopping = True

    @property
    def busy(self) -> bool:
        """Whether there are transfers still; who has none is told to come again."""
        goodbye = notice(Notice.STOPPING, self._shared.house.translate)
        for connection in list(self._shared.connections):
            if self._stopping and connection.data_channel is None:
                connection.last_word(goodbye)
        return bool(self._shared.connections)

    def end(self) -> None:
        """Cut the connections that are left; what came of their uploads is kept."""
        for connection in list(self._shared.connections):
            connection.abort()

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings`` and with the certificate that lies there now; open connections keep theirs."""
        self._shared.store.reserve.least = settings.server.reserve
        self._shared = replace(
            self._shared,
            house=self._house(settings),
            settings=settings.fileshare,
            networks=settings.network.networks,
            language=settings.school.language,
        )
        for door in self._doors:
            door.use(self._shared)
        try:
            reload_context(self._shared.tls, settings.server.state / "fileshare" / "tls")
        except TlsError as error:
            raise Told(f"the certificate stays as it was: {error}") from error

    def _house(self, settings: Settings) -> House:
        return House(
            snapshot=lambda: self._snapshot.current,
            quota=self._quota,
            journal=self._audit,
            translate=translator(settings.school.language),
        )


class _Door(FTPServer):
    """A listening socket, which other workers share."""

    def __init__(self, listener: Any, kind: type[Connection], shared: Shared, loop: FtpLoop) -> None:
        self.use(shared)
        super().__init__(listener, kind, ioloop=loop.ioloop, backlog=_BACKLOG)
        self.ip_map = shared.addresses

    def use(self, shared: Shared) -> None:
        """Go by ``shared`` for connections that come from now on."""
        self.shared = shared
        self.max_cons = shared.settings.connections * _CHANNELS
        self.max_cons_per_ip = shared.settings.connections_per_address

    def _accept_new_cons(self) -> bool:
        """Whether there is room for one more, who is a stranger himself: another, the oldest, gives way to him."""
        room = bool(super()._accept_new_cons())
        if room or len(self.shared.strangers) < 2:
            return room
        next(iter(self.shared.strangers)).give_way()
        return True

    def handle_error(self) -> None:
        """Stay open, whatever happened to one connection."""
        _log.exception("a connection could not be taken")


def _acting(settings: Settings) -> Acting:
    """Take on people's ids where we may; a demo of an ordinary user does everything as that user."""
    if settings.server.identity == "same" or os.geteuid() != 0:
        return Staying()
    return Switching(Identities(settings.server).of("fileshare"))


def start(worker: Worker[Settings], loop: FtpLoop) -> FileService:
    """Make the service and let it listen; raises ``TlsError``, ``LookupError`` or ``OSError`` for the carer."""
    return FileService(worker, loop)
