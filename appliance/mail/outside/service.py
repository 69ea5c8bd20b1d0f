"""The process ``outbound``: tends the spool of mail to the outside and answers the supervisor.

May live here: putting the parts together, and the verbs of its socket. May not: rules, SMTP, files of the spool. What
it answers names no address and no login: whose mail it is concerns nobody who looks after the server (K16).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey as SealKey

from appliance.audit.client import AuditClient
from appliance.daemon.logs import Told
from appliance.daemon.loop import Loop
from appliance.daemon.main import Worker
from appliance.daemon.request_server import RequestServer, Verb, serve
from appliance.daemon.smtp_way import Broken, Way, password_in, to_smarthost
from appliance.daemon.snapshot_file import Follower
from appliance.daemon.space import Reserve
from appliance.mail.outside.attempts import Patience
from appliance.mail.outside.courier import Courier, Route
from appliance.mail.outside.dkim_key import SigningKey
from appliance.mail.outside.runner import AT_ONCE, Runner
from appliance.mail.outside.spool import Spool
from appliance.mail.reports import Report, compose
from appliance.mail.seal import Sealer
from appliance.mail.seal_key import NoKey, own_key
from appliance.mail.space import Space
from appliance.mail.store import Parcel, Store
from appliance.policy.snapshot import Snapshot, decode
from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_STEP, _CONNECTION = 120.0, 3600.0
_GRACE = 5.0
_STATUS = 2.0


class Outbound:
    """A running process of that name, as a :class:`appliance.daemon.loop.Service`."""

    def __init__(self, worker: Worker[Settings], loop: Loop) -> None:
        self._worker = worker
        self._settings = worker.settings
        server, ids = worker.settings.server, worker.settings.directory
        self._store = Store(server.data / "mail", os.uname().nodename, Reserve(server.data, server.reserve))
        self._space = Space(server.runtime / "usage", ids.id_first, ids.id_last)
        self._sealer = Sealer(_own_key(server.state / "mail"))
        self._audit = AuditClient(server.runtime / "audit" / "audit.sock")
        self._threads = ThreadPoolExecutor(AT_ONCE + 2, "outbound")
        self._snapshot: Follower[Snapshot] = Follower(
            server.runtime / "snapshots" / "mail.snapshot", decode, loop, lambda _new: self._runner.published()
        )
        spool = Spool(server.data / "mail" / ".spool")
        spool.make()
        self._courier = Courier(spool, self._post, lambda: datetime.now(self._settings.school.zone))
        self._runner = Runner(
            spool, self._courier, self._threads, self._route, lambda: self._snapshot.current, self._audit.record
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[RequestServer] = []
        self._make_key()

    async def begin(self) -> None:
        """Answer, and tend the spool."""
        verbs = {
            "standing": Verb(self._standing),
            "queue": Verb(self._queue),
            "retry": Verb(self._retry, {"message": (str, type(None))}),
            "drop": Verb(self._drop, {"message": str, "by": str, "reason": str}),
        }
        self._servers = [await serve(listener, verbs) for listener in self._worker.listening("outbound")]
        self._tasks = [asyncio.ensure_future(self._runner.run()), asyncio.ensure_future(self._tell())]

    async def stop(self) -> None:
        """Begin nothing new; what is not through after a moment is cut off and tried again at the next start."""
        for server in self._servers:
            await server.stop()
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._runner.finish()), _GRACE)
        self._courier.cut()
        await self._runner.finish()
        self._snapshot.stop()
        self._audit.close()
        self._threads.shutdown()
        self._space.close()

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings``; what waits is tried at once, for the way out may be another one."""
        self._settings = settings
        self._store.reserve.least = settings.server.reserve
        self._make_key()
        self._runner.retry(None)

    def _make_key(self) -> None:
        key = self._key(self._settings)
        if key is not None:
            key.make()

    def _key(self, settings: Settings) -> SigningKey | None:
        selector = settings.mail.outside.dkim_selector
        return (
            None
            if selector is None
            else SigningKey(settings.server.state / "mail" / "dkim", selector, settings.school.domain)
        )

    def _route(self) -> Route:
        settings = self._settings
        outside = settings.mail.outside
        pauses = (outside.retry_first, outside.retry_last, outside.delayed, outside.expire)
        patience = Patience(*(timedelta(seconds=seconds) for seconds in pauses))
        way = partial(way_out, settings)  # its files are read anew at each attempt
        return Route(domain=settings.school.domain, patience=patience, way=way, key=self._key(settings))

    def _post(self, login: str, report: Report) -> None:
        """Put a report into a mailbox for good, in a thread; to an account that is gone nobody reports."""
        snapshot = self._snapshot.current
        account = None if snapshot is None else snapshot.accounts.get(login)
        if account is None:
            return
        draft = self._store.draft(self._sealer.begin(report.identity, report.at, ""))
        draft.add(compose(report))
        size = draft.size
        self._store.place([Parcel(draft, (login,))])
        self._space.add(account.uid, size)

    async def _tell(self) -> None:
        told = ""
        while True:
            count = len(self._runner.waiting)
            text = f"{count} message{'' if count == 1 else 's'} to the outside wait{'s' if count == 1 else ''}"
            if text != told:
                self._worker.status(text)
                told = text
            await asyncio.sleep(_STATUS)

    async def _standing(self, _arguments: Mapping[str, Any], _peer: object) -> dict[str, Any]:
        """How many wait; of those that may leave, since when the oldest does (ISO 8601); what stands in the way.

        ``broken``: somebody must mend that; so it is, too, when what the settings name cannot be read just now.
        """
        waiting = list(self._runner.waiting.values())
        arrived = [one.item.queued.arrived for one in waiting if not self._runner.rests(one)]
        key, out = self._key(self._settings), self._runner.out
        problem, broken = (out.problem, out.broken) if arrived else (None, False)
        if not broken:
            unread = await asyncio.get_running_loop().run_in_executor(self._threads, _unread, self._settings)
            problem, broken = unread or problem, unread is not None
        return {
            "waiting": len(waiting),
            "rest": len(waiting) - len(arrived),
            "oldest": min(arrived).isoformat() if arrived else None,
            "problem": problem,
            "broken": broken,
            "dkim": None if key is None else [key.name, key.record()],
        }

    async def _queue(self, _arguments: Mapping[str, Any], _peer: object) -> dict[str, Any]:
        found = sorted(self._runner.waiting.values(), key=lambda one: one.item.queued.arrived)
        waiting = [
            {
                "id": one.item.queued.identity,
                "since": one.item.queued.arrived.isoformat(),
                "size": one.item.size,
                "recipients": len(one.standing.left),
                "tries": one.standing.tries,
                "next": one.standing.next.isoformat(),
                "why": one.standing.why,
                "rests": self._runner.rests(one),
            }
            for one in found
        ]
        return {"waiting": waiting, "problem": self._runner.out.problem if waiting else None}

    async def _retry(self, arguments: Mapping[str, Any], _peer: object) -> dict[str, Any]:
        return {"count": self._runner.retry(arguments["message"])}

    async def _drop(self, arguments: Mapping[str, Any], _peer: object) -> dict[str, Any]:
        return {"dropped": await self._runner.drop(arguments["message"], arguments["by"], arguments["reason"])}


def _own_key(folder: Path) -> SealKey:
    try:
        return own_key(folder)
    except (NoKey, OSError) as error:
        raise Told(f"reports cannot be marked: {error}") from error


def _unread(settings: Settings) -> str | None:
    """Say which file that the way out needs cannot be read, if somebody may send at all."""
    outside = settings.mail.outside
    if not outside.send:
        return None
    try:
        password_in(outside.password_file)
        if outside.ca is not None:
            outside.ca.open("rb").close()
    except Broken as problem:
        return str(problem)
    except OSError as problem:
        return f"the certificates in {outside.ca} cannot be used: {problem.strerror}"
    return None


def way_out(settings: Settings) -> Way:
    """Read the way to the smarthost. Raise :class:`Broken`, also where there is none."""
    outside = settings.mail.outside
    if outside.smarthost is None:
        raise Broken("there is no smarthost (mail.yaml: outside)")
    host, port = outside.smarthost.host, outside.smarthost.port
    return to_smarthost(host, port, outside, settings.school.domain, patience=_STEP, limit=_CONNECTION)


async def start(worker: Worker[Settings], loop: Loop) -> Outbound:
    """Make the process and begin; raises ``Told`` or ``OSError`` for the carer."""
    service = Outbound(worker, loop)
    await service.begin()
    return service
