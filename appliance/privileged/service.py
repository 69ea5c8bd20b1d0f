"""The privileged process: a closed table of verbs for one caller, the supervisor. No network, no paths as arguments.

May live here: the table, and how a request becomes a call. May not: a verb that takes a path or a command.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from appliance.daemon.engine import EngineRefused
from appliance.daemon.identities import Identities
from appliance.daemon.loop import Loop
from appliance.daemon.request_server import Peer, RequestError, RequestServer, Verb, serve
from appliance.daemon.worker import Worker
from appliance.privileged import names
from appliance.privileged.backups import Backups
from appliance.privileged.counting import Counting
from appliance.privileged.engines import Dovecot, Engine, Samba
from appliance.privileged.keytabs import Keytabs
from appliance.privileged.shadowing import Shadowing
from appliance.privileged.tree import Tree
from appliance.privileged.units import Units
from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_LIMIT = 2 * 1024 * 1024

T = TypeVar("T")


class PrivilegedService:
    """The verbs; the tree and engines each have threads, so that a large home delays no kick. Made by :func:`start`."""

    def __init__(self, worker: Worker[Settings]) -> None:
        settings = worker.settings
        identities = Identities(settings.server)
        dovecot = Dovecot(settings.server.state / "imap" / "dovecot.conf")
        self._supervisor = identities.of("supervisor").uid
        self._ids = names.Ids(settings.directory.id_first, settings.directory.id_last)
        self._shadowing = Shadowing(settings.server.data, settings.domain.workgroup)
        self._tree = Tree(settings.server.data, self._shadowing.note)
        domain = settings.server.state / "domain"
        samba = Samba(domain / "smb.conf", domain / "shares.conf", settings.server.runtime / "domain/pid/smbd.pid")
        self._engines: Mapping[str, Engine] = {"imap": dovecot, "smb": samba}
        self._sessions: Mapping[str, Dovecot] = {"mail": dovecot}
        unit = settings.server.runtime / "backup" / "backup.sock" if settings.server.launcher == "systemd" else None
        self._backups = Backups(settings.folder, unit)
        self._counting = Counting(settings.server.data)
        self._units = Units(settings.server.launcher)
        self._keytabs = Keytabs(settings.folder, settings.directory.kind)
        self._commands = ThreadPoolExecutor(1, "engines")
        self._servers: list[RequestServer] = []
        self._worker = worker

    async def begin(self) -> None:
        """Answer requests, and finish what a power cut left."""
        verbs = {
            "engine-install": Verb(self._engine_install, {"engine": str, "text": str}, self._allowed),
            "session-kick": Verb(self._session_kick, {"service": str, "login": str}, self._allowed),
            **self._tree.verbs(self._allowed, lambda: self._ids),
            **self._shadowing.verbs(self._allowed),
            **self._backups.verbs(self._allowed, lambda: self._ids),
            **self._counting.verbs(self._allowed, lambda: self._ids),
            **self._units.verbs(self._allowed),
            **self._keytabs.verbs(self._allowed),
        }
        self._servers = [await serve(one, verbs, _LIMIT) for one in self._worker.listening("privileged")]
        self._tree.begin()
        self._shadowing.begin()

    async def stop(self) -> None:
        """Finish what is under way."""
        await self._backups.stop()
        self._counting.stop()
        self._units.stop()
        self._keytabs.stop()
        for server in self._servers:
            await server.stop()
        self._tree.stop()
        self._shadowing.stop()
        self._commands.shutdown()

    def reload(self, settings: Settings) -> None:
        """Take the ids that accounts may have from the new settings; folders change with a restart."""
        self._ids = names.Ids(settings.directory.id_first, settings.directory.id_last)

    def _allowed(self, peer: Peer) -> bool:
        return peer.uid == self._supervisor

    async def _engine_install(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        engine = self._one_of(self._engines, arguments["engine"], "engine")
        text = self._checked(names.text, arguments["text"])
        return {"changed": await self._do(self._commands, partial(engine.install, text))}

    async def _session_kick(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        engine = self._one_of(self._sessions, arguments["service"], "service with an engine")
        login = self._checked(names.login, arguments["login"])
        return {"kicked": await self._do(self._commands, partial(engine.kick, login))}

    @staticmethod
    def _checked(check: Callable[[Any], T], value: Any) -> T:
        try:
            return check(value)
        except names.WrongArgument as error:
            raise RequestError("bad-argument", str(error)) from error

    @staticmethod
    def _one_of(table: Mapping[str, T], name: str, what: str) -> T:
        if name not in table:
            raise RequestError("bad-argument", f"there is no such {what}; known: {', '.join(table)}")
        return table[name]

    @staticmethod
    async def _do(executor: Executor, act: Callable[[], bool]) -> bool:
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, act)
        except EngineRefused as error:
            raise RequestError("engine-refused", str(error)) from error
        except OSError as error:
            raise RequestError("disk", os.strerror(error.errno or 0)) from error


async def start(worker: Worker[Settings], _loop: Loop) -> PrivilegedService:
    """Start to answer."""
    service = PrivilegedService(worker)
    await service.begin()
    return service
