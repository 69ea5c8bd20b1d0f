"""Copies and restores, which only root can make: each is a process of its own, started and followed here.

May live here: starting, following, ending them. May not: where they run (``backup_process``), what they do
(``appliance.backup``), or anything but these actions.
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
    """One action under way or ended: ``outcome`` is its last line, ``seen`` grows with each change.

    ``ask`` is what it wants compared before it goes on; then ``answers`` is where it reads. The outcome of one that
    asked is given once and forgotten, for it holds a secret.
    """

    seen: int = 0
    progress: list[Any] = field(default_factory=lambda: [0, 0, ""])
    ask: str | None = None
    answers: asyncio.StreamWriter | None = None
    outcome: Outcome | None = None
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, said: Mapping[str, Any]) -> None:
        """Keep what came and wake who waits for it."""
        self.progress = said.get("progress", self.progress)
        self.ask = said.get("ask", self.ask)
        if not said.keys() & {"progress", "ask"}:
            self.outcome = said
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
                (names.group if arguments["part"] == "groups" else names.login)(arguments["name"])
                names.number(arguments["number"], ids())
            except names.WrongArgument as error:
                raise RequestError("bad-argument", str(error)) from error
            return self._start("restore", arguments)

        async def forget(arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
            try:
                names.login(arguments["login"])
                if arguments["uid"] is not None:
                    names.number(arguments["uid"], ids())
            except names.WrongArgument as error:
                raise RequestError("bad-argument", str(error)) from error
            return self._start("forget", arguments)

        async def act(action: str, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
            return self._start(action, arguments)

        text_or_none = (str, type(None))
        return {
            "backup-run": Verb(partial(act, "run"), {}, allowed),
            "backup-list": Verb(partial(act, "list"), {}, allowed),
            "backup-drill": Verb(partial(act, "drill"), {}, allowed),
            "backup-report": Verb(partial(act, "report"), {"language": text_or_none}, allowed),
            "backup-pair": Verb(partial(act, "pair"), {"host": text_or_none, "port": int, "again": bool}, allowed),
            "backup-answer": Verb(self._answer, {"job": int, "same": bool}, allowed),
            "backup-restore": Verb(
                restore,
                {
                    "part": str,
                    "name": str,
                    "number": int,
                    "paths": list,
                    "date": text_or_none,
                    "room": (int, type(None)),
                },
                allowed,
            ),
            "backup-forget": Verb(
                forget,
                {"login": str, "uid": (int, type(None)), "consent_withdrawn": bool, "undo": bool},
                allowed,
            ),
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

    async def _answer(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        job = self._job(arguments)
        if job.ask is None or job.answers is None:
            raise RequestError("unknown-job", "what was asked needs no answer any more; begin again")
        answers, job.answers = job.answers, None
        with contextlib.suppress(ConnectionError):
            answers.write(json.dumps({"same": arguments["same"]}).encode() + b"\n")
            await answers.drain()
        return {}

    def _job(self, arguments: Mapping[str, Any]) -> _Job:
        job = self._jobs.get(arguments["job"])
        if job is None:
            raise RequestError("unknown-job", "nothing of that number is under way; it was interrupted")
        return job

    async def _follow(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        job = self._job(arguments)
        if job.seen == arguments["seen"] and job.outcome is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(job.changed.wait(), _LONGEST_WAIT)
        if job.outcome is not None and job.ask is not None:
            self._jobs.pop(arguments["job"], None)
        return {"seen": job.seen, "progress": job.progress, "ask": job.ask, "outcome": job.outcome}

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
            job.answers = None
            job.tell(outcome or lost)

    async def _done(self, job: _Job, asked: Mapping[str, Any]) -> Outcome | None:
        outcome: Outcome | None = None
        async with reached(self._folder, self._unit) as (reader, writer):
            job.answers = writer
            with contextlib.suppress(ConnectionError):
                writer.write(json.dumps(asked).encode() + b"\n")
                await writer.drain()
            async for line in reader:
                said = json.loads(line)
                if said.keys() & {"progress", "ask"}:
                    job.tell(said)
                else:
                    outcome = said
        return outcome
