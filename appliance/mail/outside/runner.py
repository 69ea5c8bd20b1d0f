"""Which message of the spool is tried when: due ones, a few at once, one at a time while the way out is in trouble.

May live here: that order, in the loop's thread, and the record of what left. May not: an attempt (``courier``), files,
sockets. While the smarthost cannot be reached no message counts a try; each still gets late, and goes back, in time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from appliance.daemon.logs import describe
from appliance.mail.draft import StoreFailed
from appliance.mail.outside.attempts import Standing
from appliance.mail.outside.courier import Courier, Result, Route
from appliance.mail.outside.envelope import Damaged
from appliance.mail.outside.leave import Leave, leave
from appliance.mail.outside.spool import Item, Spool
from appliance.policy.events import Event, Kind
from appliance.policy.snapshot import Snapshot

_log = logging.getLogger(__name__)

AT_ONCE: Final = 4
_LOOK: Final = 1.0
_SETTLED: Final = 100_000_000  # nanoseconds; the kernel's clock of files ticks every 4 ms or so
_AGAIN: Final = timedelta(seconds=30)
_PATIENCE: Final = 8.0
_RECIPIENTS_OF_EVENT: Final = 200
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

T = TypeVar("T")


@dataclass(slots=True)
class Waiting:
    """A message that waits; ``busy`` while something is done with it. If ``held``, or before ``again``, it rests."""

    item: Item
    standing: Standing
    busy: asyncio.Task[None] | None = None
    held: bool = False
    again: datetime = _LONG_AGO


@dataclass(slots=True)
class Out:
    """How the way out is: the ``problem``, if any, and when it is tried again; if ``broken``, somebody must act."""

    problem: str | None = None
    pause: timedelta = timedelta(0)
    again: datetime = _LONG_AGO
    broken: bool = False


class Runner:
    """Tends ``spool`` with ``courier`` in ``threads``; :meth:`run` goes on until it is cancelled.

    ``route`` gives the way out as the settings have it; ``record`` takes events.
    """

    def __init__(
        self,
        spool: Spool,
        courier: Courier,
        threads: Executor,
        route: Callable[[], Route],
        snapshot: Callable[[], Snapshot | None],
        record: Callable[[Event], None],
    ) -> None:
        self._spool = spool
        self._courier = courier
        self._threads = threads
        self._route = route
        self._snapshot = snapshot
        self._record = record
        self._changed: int | None = None
        self._damaged: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._awake = asyncio.Event()
        self.waiting: dict[str, Waiting] = {}
        self.out = Out()

    async def run(self) -> None:
        """Look for new messages and try those that are due, for ever."""
        while True:
            self._awake.clear()
            try:
                await self._look()
                self._begin_due()
            except OSError as problem:
                _log.error("the spool cannot be read: %s", problem.strerror)
            except Exception as error:  # a defect must not end all mail to the outside
                _log.error("the spool met an unexpected error: %s", describe(error))
            try:
                await asyncio.wait_for(self._awake.wait(), _LOOK)
            except TimeoutError:
                continue

    async def finish(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def wake(self) -> None:
        """Look now: something may have become due."""
        self._awake.set()

    def published(self) -> None:
        """Act by the newest snapshot: what is under way and may not leave any more is cut off."""
        now, snapshot = _now(), self._snapshot()
        for one in self.waiting.values():
            if one.busy is not None and leave(snapshot, one.item.queued.login, now) is not Leave.GO:
                self._courier.cut(one.item.name)
        self.wake()

    def retry(self, identity: str | None) -> int:
        """Make one message (or, ``None``, each) due now, if it may leave; gives how many there are.

        What is tried by hand does not wait longer afterwards.
        """
        now, count = _now(), 0
        for one in self.waiting.values():
            if identity in {None, one.item.queued.identity} and not self.rests(one):
                one.standing = replace(one.standing, next=now, tries=max(one.standing.tries - 1, 0))
                count += 1
        if count:
            self.out = Out(self.out.problem, broken=self.out.broken)
            self.wake()
        return count

    def rests(self, one: Waiting) -> bool:
        """Say whether a message waits because its sender is locked, and for nothing else."""
        return leave(self._snapshot(), one.item.queued.login, _now()) is Leave.WAIT

    async def drop(self, identity: str, by: str, reason: str) -> bool:
        """Stop sending a message, and tell its sender. False: there is none, or it is being sent just now."""
        found = next((one for one in self.waiting.values() if one.item.queued.identity == identity), None)
        route = self._route()
        if found is None:
            return False
        found.held = True
        try:
            if found.busy is not None:
                await asyncio.wait({found.busy}, timeout=_PATIENCE)
            if found.busy is None and found.item.name in self.waiting:
                work = partial(self._courier.give_up, found.item, found.standing, "5.7.0", route)
                await self._do(found, work, by, reason)
                return found.item.name not in self.waiting
        finally:
            found.held = False
        return False

    async def _look(self) -> None:
        asked = time.time_ns()
        changed = await self._in_thread(self._spool.changed)
        if changed == self._changed:
            return
        names = await self._in_thread(self._spool.names)
        # What came in the same moment may have the same time: only a change that is over is not looked at again.
        self._changed = changed if asked - changed > _SETTLED else None
        for name in self.waiting.keys() - names:
            del self.waiting[name]
        for name in sorted(names - self.waiting.keys() - self._damaged):
            try:
                item, standing = await self._in_thread(partial(self._spool.read, name))
            except FileNotFoundError:
                continue
            except Damaged:
                self._damaged.add(name)
                _log.error("a file in the spool is not ours and stays there")
                continue
            self.waiting[name] = Waiting(item, standing)

    def _begin_due(self) -> None:
        now, route, snapshot = _now(), self._route(), self._snapshot()
        latest = now + route.patience.most  # whatever the clock was set to
        for one in sorted(self.waiting.values(), key=lambda each: each.standing.next):
            if len(self._tasks) >= AT_ONCE:
                return
            aged = self._aged(one, route, now)
            if (
                one.busy is None
                and not one.held
                and one.again <= now
                and (aged or min(one.standing.next, latest) <= now)
            ):
                self._begin_one(one, leave(snapshot, one.item.queued.login, now), aged, route)

    def _begin_one(self, one: Waiting, answer: Leave, aged: bool, route: Route) -> None:
        """Begin what is to be done with a message that is due, or that has ``aged``; nothing, if it must wait."""
        item, standing = one.item, one.standing
        free = self.out.again <= _now() and (self.out.problem is None or not self._tasks)
        if answer is Leave.NOBODY:
            self._begin(one, partial(self._forget, item))
        elif answer is Leave.NEVER:
            self._begin(one, partial(self._courier.give_up, item, standing, "5.7.2", route))
        elif answer is Leave.GO and free:
            may = partial(self._may_go, item.queued.login)
            self._begin(one, partial(self._courier.attempt, item, standing, route, may))
        elif aged:
            self._begin(one, partial(self._courier.age, item, standing, route))

    def _aged(self, one: Waiting, route: Route, now: datetime) -> bool:
        age = now - one.item.queued.arrived
        return age >= route.patience.expire or (age >= route.patience.delayed and not one.standing.told)

    def _may_go(self, login: str) -> bool:
        """Say whether mail of ``login`` may leave now; a thread asks."""
        return leave(self._snapshot(), login, _now()) is Leave.GO

    def _forget(self, item: Item) -> Result:
        self._courier.forget(item)
        return Result(None)

    def _begin(self, one: Waiting, work: Callable[[], Result]) -> None:
        task = one.busy = asyncio.ensure_future(self._do(one, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(
        self, one: Waiting, work: Callable[[], Result], by: str | None = None, reason: str | None = None
    ) -> None:
        identity = one.item.queued.identity
        try:
            result = await self._in_thread(work)
        except (OSError, StoreFailed) as problem:
            cause = problem.strerror if isinstance(problem, OSError) else problem
            _log.error("message %s stays in the spool as it was: %s", identity, cause)
            one.again = _now() + _AGAIN
            return
        except Exception as error:  # a defect holds up this message alone
            _log.error("message %s met an unexpected error: %s", identity, describe(error))
            one.again = _now() + _AGAIN
            return
        finally:
            one.busy = None
            self.wake()
        if result.tried:
            self._note(result.problem, result.broken)
        for outcome, addresses in (("sent", result.taken), ("failed", result.refused)):
            self._tell(one.item, outcome, addresses, by, reason)
        if result.standing is not None:
            one.standing = result.standing
        else:
            self.waiting.pop(one.item.name, None)
        counts = (len(result.taken), len(result.refused), 0 if result.standing is None else len(result.standing.left))
        if result.problem is None:
            _log.info("message %s: %d sent, %d failed, %d wait", identity, *counts)

    def _note(self, problem: str | None, broken: bool) -> None:
        """Learn from an attempt how the way out is."""
        route = self._route()
        if problem is None:
            if self.out.problem is not None:
                _log.info("mail to the outside is under way again")
            self.out = Out()
        else:
            if problem != self.out.problem:
                _log.error("mail to the outside waits: %s", problem)
            pause = min(max(self.out.pause * 2, min(route.patience.first, _AGAIN)), route.patience.most)
            self.out = Out(problem, pause, _now() + pause, broken)

    def _tell(self, item: Item, outcome: str, addresses: tuple[str, ...], by: str | None, reason: str | None) -> None:
        for start in range(0, len(addresses), _RECIPIENTS_OF_EVENT):
            fields: dict[str, Any] = {
                "login": item.queued.login,
                "message_id": item.queued.identity,
                "recipients": addresses[start : start + _RECIPIENTS_OF_EVENT],
                "outcome": outcome,
                "by": by,
                "reason": reason,
            }
            self._record(Event(Kind.MAIL_LEFT, _now(), fields))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _now() -> datetime:
    return datetime.now(UTC)
