"""Copies and restores, which only root can make: each is a process of its own, started and followed here.

May live here: starting, following, ending them. May not: where they run (``backup_process``), what they do
(``appliance.backup``), or anything but the four actions.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from appliance.daemon.request_server import Peer, RequestError, Verb
from appliance.privileged import names
from appliance.privileged.backup_process import NoBackup, reached

_log = logging.getLogger(__name__)
_AT_ONCE = 4
_REMEMBERED = 16
_LONGEST_WAIT = 5.0

Outcome = Mapping[str, Any]


@dataclass(slots=True)
class _Job:
    """One action under way or ended: ``outcome`` is its last line, ``seen`` grows with each change."""

    seen: int = 0
    progress: list[Any] = field(default_factory=lambda: [0, 0, ""])
    outcome: Outcome | None = None
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, progress: list[Any] | None, outcome: Outcome | None) -> None:
        """Keep what came and wake who waits for it."""
        self.progress = progress or self.progress
        self.outcome = outcome or self.outcome
        self.seen += 1
        self.changed.set()
        self.changed = asyncio.Event()


class Backups:
    """The actions for the settings in ``folder``, done by the unit whose socket is ``unit``, if there is one."""

    def __init__(self, folder: Path, unit: Path | None = None) -> None:
        self._folder = folder
        self._unit = unit
        self._numbers = itertools.count(1)
        self._jobs: dict[int, _Job] = {}
        self._stopping = False

    def verbs(self, allowed: Callable[[Peer], bool], ids: Callable[[], names.Ids]) -> Mapping[str, Verb]:
        """The verbs for callers that are ``allowed``; ``ids()`` are those that accounts may have now."""

        async def restore(arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
            try:
                names.login(arguments["login"])
                names.number(arguments["uid"], ids())
            except names.WrongArgument as error:
                raise RequestError("bad-argument", str(error)) from error
            return self._start("restore", arguments)

        async def act(action: str, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
            return self._start(action, arguments)

        text_or_none = (str, type(None))
        return {
            "backup-run": Verb(partial(act, "run"), {}, allowed),
            "backup-list": Verb(partial(act, "list"), {}, allowed),
            "backup-setup": Verb(partial(act, "setup"), {"fingerprint": text_or_none}, allowed),
            "backup-restore": Verb(restore, {"login": str, "uid": int, "path": str, "date": text_or_none}, allowed),
            "backup-follow": Verb(self._follow, {"job": int, "seen": int}, allowed),
        }

    async def stop(self) -> None:
        """End what runs: a copy that was interrupted is made use of by the next."""
        self._stopping = True
        running = [job.task for job in self._jobs.values() if job.task is not None and not job.task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _start(self, action: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._stopping:
            raise RequestError("busy", "the server is being stopped")
        if sum(job.outcome is None for job in self._jobs.values()) >= _AT_ONCE:
            raise RequestError("busy", f"{_AT_ONCE} copies or restores are under way; try again later")
        for ended in [number for number, job in self._jobs.items() if job.outcome is not None][:-_REMEMBERED]:
            del self._jobs[ended]
        number, job = next(self._numbers), _Job()
        self._jobs[number] = job
        job.task = asyncio.create_task(self._run(job, action, arguments))
        return {"job": number}

    async def _follow(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        job = self._jobs.get(arguments["job"])
        if job is None:
            raise RequestError("unknown-job", "nothing of that number is under way; it was interrupted")
        if job.seen == arguments["seen"] and job.outcome is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(job.changed.wait(), _LONGEST_WAIT)
        return {"seen": job.seen, "progress": job.progress, "outcome": job.outcome}

    async def _run(self, job: _Job, action: str, arguments: Mapping[str, Any]) -> None:
        outcome: Outcome | None = None
        try:
            outcome = await self._done(job, {"action": action, "arguments": dict(arguments)})
        except NoBackup as error:
            outcome = {"error": {"kind": "not-set-up", "text": str(error)}}
        except (OSError, ValueError) as error:
            _log.error("the %s of the backup could not be followed: %s", action, type(error).__name__)
        finally:
            lost = {"error": {"kind": "internal", "text": "it ended without an answer; the journal says where"}}
            job.tell(None, outcome or lost)

    async def _done(self, job: _Job, asked: Mapping[str, Any]) -> Outcome | None:
        outcome: Outcome | None = None
        async with reached(self._folder, self._unit) as (reader, writer):
            with contextlib.suppress(ConnectionError):
                writer.write(json.dumps(asked).encode() + b"\n")
                await writer.drain()
            async for line in reader:
                said = json.loads(line)
                if "progress" in said:
                    job.tell(said["progress"], None)
                else:
                    outcome = said
        return outcome
