"""The audit process: events in, disk out, and two questions answered: what a code stands for, and the counts.

May live here: putting intake, writers and verbs together. May not: rules for what may be recorded (``policy.events``).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from appliance.audit.intake import Intake
from appliance.audit.store import Refusals, Store, StoreError, UseLog
from appliance.audit.writer import Writer
from appliance.daemon.identities import Identities
from appliance.daemon.loop import Cancel, Loop
from appliance.daemon.request_server import Peer, RequestError, RequestServer, Verb, serve
from appliance.daemon.worker import Worker
from appliance.policy.codes import normalise
from appliance.policy.events import Event
from appliance.settings.load import Settings

QUEUE = 10_000
_FORGET_EVERY = 600.0


class AuditService:
    """Everything that runs; made by :func:`start`."""

    def __init__(self, worker: Worker[Settings], loop: Loop) -> None:
        server = worker.settings.server
        folder = server.state / "audit"
        self._worker = worker
        self._loop = loop
        self._disk = ThreadPoolExecutor(1, "disk")
        self._refusals = Refusals(folder / "refusals.db")
        self._use = UseLog(folder / "use.jsonl") if server.audit_log == "plain" else None
        stores: list[Store] = [self._refusals] if self._use is None else [self._refusals, self._use]
        self._writers = [Writer(store, self._disk, QUEUE, self._say) for store in stores]
        self._intakes = [Intake(listener, self._take) for listener in worker.listening("audit")]
        self._callers = {0, os.geteuid(), Identities(server).of("supervisor").uid}
        self._servers: list[RequestServer] = []
        self._forgetting: set[asyncio.Task[None]] = set()
        self._timer: Cancel = lambda: None

    async def begin(self) -> None:
        """Answer questions and forget what is old."""
        verbs = {
            "why": Verb(self._why, {"code": str}, self._allowed),
            "counts": Verb(self._counts, {}, self._allowed),
        }
        self._servers = [await serve(listener, verbs) for listener in self._worker.listening("query")]
        self._forget_again()

    async def stop(self) -> None:
        """Take what has been sent, write it, end."""
        self._timer()
        for intake in self._intakes:
            intake.stop()
        for server in self._servers:
            await server.stop()
        for writer in self._writers:
            await writer.stop()
        if self._forgetting:
            await asyncio.wait(self._forgetting)
        self._disk.shutdown()
        self._refusals.close()
        if self._use is not None:
            self._use.close()

    def reload(self, settings: Settings) -> None:
        """Nothing here follows a reload: whether use is logged changes with a restart."""

    def _take(self, event: Event) -> None:
        for writer in self._writers:
            writer.put(event)

    def _allowed(self, peer: Peer) -> bool:
        return peer.uid in self._callers

    async def _why(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        try:
            code = normalise(arguments["code"])
        except ValueError as error:
            raise RequestError("bad-code", str(error)) from error
        for intake in self._intakes:  # whoever was just shown the code may ask for it already
            intake.read_all()
        for writer in self._writers:
            await writer.settle()
        find = self._refusals.find
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._disk, find, code, datetime.now(UTC))
        except StoreError as error:
            raise RequestError("try-later", f"the refusals cannot be read: {error}") from error
        if found is None:
            raise RequestError("unknown-code", "no refusal of the last 24 hours has this code")
        return {
            "service": found.service,
            "time": found.time.isoformat(),
            "reason": found.reason,
            "source": found.source,
            "text": found.text,
        }

    async def _counts(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        for intake in self._intakes:
            intake.read_all()
        return {
            "received": sum(intake.received for intake in self._intakes),
            "junk": sum(intake.junk for intake in self._intakes),
            "written": sum(writer.written for writer in self._writers),
            "waiting": sum(writer.waiting for writer in self._writers),
            "dropped": sum(writer.dropped for writer in self._writers),
        }

    def _say(self) -> None:
        problems = dict.fromkeys(writer.problem for writer in self._writers if writer.problem)
        dropped = sum(writer.dropped for writer in self._writers)
        waiting = sum(writer.waiting for writer in self._writers)
        words = [f"cannot write: {', '.join(problems)}; {waiting} event(s) wait"] if problems else []
        words += [f"{dropped} event(s) dropped"] if dropped else []
        self._worker.status("; ".join(words))

    def _forget_again(self) -> None:
        task = asyncio.ensure_future(self._forget())
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)
        self._timer = self._loop.call_later(_FORGET_EVERY, self._forget_again)

    async def _forget(self) -> None:
        try:
            forget = self._refusals.forget
            await asyncio.get_running_loop().run_in_executor(self._disk, forget, datetime.now(UTC))
        except StoreError:
            self._worker.status("refusals older than a day cannot be deleted")


async def start(worker: Worker[Settings], loop: Loop) -> AuditService:
    """Start to take events and to answer."""
    service = AuditService(worker, loop)
    await service.begin()
    return service
