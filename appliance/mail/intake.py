"""One message from 354 to stable storage: read, judged by its head, written to the disk as it comes.

May live here: the order of these steps. May not: SMTP commands (``protocol``), what is allowed (``session``), files
(``store``). Little of a message is in memory at any time; whatever waits for the disk runs in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from appliance.mail.commits import Commits
from appliance.mail.draft import StoreFailed, StoreFull
from appliance.mail.head import HEAD_LIMIT, Malformed, end_of_head, read_fields
from appliance.mail.outside.scan import Scanned, Scanners, Verdict
from appliance.mail.parcels import Taken, parcels
from appliance.mail.party import Delivery
from appliance.mail.replies import Notice, notice
from appliance.mail.rewrite import lines_above
from appliance.mail.seal import Sealer
from appliance.mail.session import MailSession
from appliance.mail.store import Parcel, Store
from appliance.mail.transfer import Fault, Transfer
from appliance.mail.wrong import Wrong
from appliance.session.replies import Translate

_log = logging.getLogger(__name__)
_SPILL = 256 * 1024
_DRAWN = 256
_FAULTS = {
    Fault.BARE_NEWLINE: Wrong.LINE_END,
    Fault.NUL: Wrong.NUL,
    Fault.LONG_LINE: Wrong.LONG_LINE,
}

T = TypeVar("T")


def identities() -> Iterator[str]:
    """Give names for messages, 16 hexadecimal digits; the kernel is asked for many of them at a time."""
    while True:
        drawn = secrets.token_hex(_DRAWN * 8)
        for begin in range(0, len(drawn), 16):
            yield drawn[begin : begin + 16]


@dataclass(frozen=True, slots=True)
class Desk:
    """What all intakes share.

    ``threads`` run what waits for the disk, ``sealer`` marks what we deliver, ``scanners`` look through it, if any;
    ``identities`` are for messages.
    """

    store: Store
    commits: Commits
    threads: Executor
    sealer: Sealer
    translate: Translate
    scanners: Scanners | None = None
    identities: Iterator[str] = field(default_factory=identities)


class Intake:
    """Takes one message of ``session``, a line of which has at most ``line_length`` bytes."""

    def __init__(self, desk: Desk, session: MailSession, line_length: int, smtputf8: bool) -> None:
        self._session = session
        self._desk = desk
        self._trace = session.trace(next(desk.identities), smtputf8)
        self._transfer = Transfer(session.largest, line_length)
        self._draft = desk.store.draft(desk.sealer.begin(self._trace.identity, self._trace.at, self._trace.sender))
        self._head, self._stored = bytearray(), b""
        self._in_head = True
        self._refused: str | None = None
        self._busy: asyncio.Future[Any] | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole message is there."""
        return self._transfer.complete

    @property
    def endless(self) -> bool:
        """Whether it is refused already and so large that nobody should read on."""
        return self._transfer.endless

    @property
    def ambiguous(self) -> bool:
        """Whether another server may have seen its end somewhere else, and smuggles in what came behind it."""
        return self._transfer.fault in {Fault.BARE_NEWLINE, Fault.NUL}

    @property
    def rest(self) -> bytes:
        """What the client sent behind the message."""
        return self._transfer.rest

    async def feed(self, data: bytes) -> None:
        """Take ``data`` as it came from the client."""
        lines = self._transfer.feed(data)
        if self._refused is not None or self._transfer.fault is not None:
            await self.discard()
        elif self._in_head:
            self._take_head(lines)
        elif lines:
            self._draft.add(lines)
        if self._draft.waiting >= _SPILL and not self.complete:
            try:
                await self._in_thread(self._draft.write)
            except StoreFailed as error:
                self._refused = self._failed(error)

    async def finish(self) -> str:
        """Store the whole message and give the reply; 250 only once it is on stable storage wherever it belongs."""
        try:
            return await self._finish()
        finally:
            await self.discard()

    async def _finish(self) -> str:
        if self._in_head and self._transfer.fault is None and self._refused is None:
            self._judge(bytes(self._head), b"")
        try:
            found = self._refused or self._faulty() or await self._scanned() or self._session.whole(self._transfer.size)
            if isinstance(found, str):
                return found
            try:
                stored = await self._parcels(found)
                await self._desk.commits.commit(stored)
            except BaseException:
                self._session.lost()
                raise
        except StoreFailed as error:
            return self._failed(error)
        level = logging.DEBUG if self._session.probing else logging.INFO
        way = f", {len(found.outside)} to go outside" if found.outside else ""
        _log.log(level, "message %s stored for %d mailboxes%s", self._trace.identity, len(found.logins), way)
        sizes = [parcel.draft.size for parcel in stored[len(stored) - len(found.reports) :]]
        reports = [(login, size) for (login, _), size in zip(found.reports, sizes, strict=True)]
        return self._session.accepted(self._trace.identity, self._draft.size, reports)

    async def discard(self) -> None:
        """Leave nothing of the message; does nothing after it was stored."""
        self._head.clear()
        if self._draft.begun or (self._busy is not None and not self._busy.done()):
            await self._in_thread(self._draft.close)
        else:
            self._draft.close()

    async def _scanned(self) -> str | None:
        """Have the message looked through, if it is to be."""
        scanners, session = self._desk.scanners, self._session
        if scanners is None or session.party is None or not scanners.wanted(from_outside=not session.party.login):
            return None
        file = await self._in_thread(self._draft.write)
        about = Scanned(self._trace.sender, session.recipients, self._trace.identity)
        verdict = await scanners.scan(file, self._draft.offset, self._draft.size - self._draft.offset, about)
        if verdict is Verdict.CLEAN:
            return None
        return session.harmful() if verdict is Verdict.FOUND else notice(Notice.NOT_SCANNED, self._desk.translate)

    async def _parcels(self, delivery: Delivery) -> list[Parcel]:
        party, desk = self._session.party, self._desk
        taken = Taken(
            self._draft, self._stored, "" if party is None else party.login, self._trace, self._session.envelope
        )

        def make() -> list[Parcel]:
            return parcels(taken, delivery, desk.sealer, desk.store.draft)

        return await self._in_thread(make) if delivery.outside or delivery.reports else make()

    def _take_head(self, lines: bytes) -> None:
        searched = max(len(self._head) - 3, 0)
        begun = bool(self._head)
        if begun:
            self._head += lines
        found = self._head if begun else lines  # most come at once, and large ones are not copied then
        end = end_of_head(found, searched)
        if end is not None:
            self._judge(bytes(found[:end]), bytes(found[end:]))
        elif len(found) > HEAD_LIMIT:
            self._refused = self._session.malformed(Wrong.MUCH)
        elif not begun:
            self._head += lines

    def _judge(self, head: bytes, body: bytes) -> None:
        self._head.clear()
        self._in_head = False
        try:
            if len(head) > HEAD_LIMIT:
                raise Malformed("a head of any length", Wrong.MUCH)
            fields = read_fields(head)
        except Malformed as error:
            self._refused = self._session.malformed(error.wrong)
            return
        stored = self._session.head(fields)
        if isinstance(stored, str):
            self._refused = stored
            return
        self._stored = stored
        self._draft.add(lines_above(self._trace, fields) + stored)
        self._draft.add(body)

    def _faulty(self) -> str | None:
        fault = self._transfer.fault
        if fault is Fault.TOO_LARGE:
            return self._session.too_large(self._transfer.size)
        return None if fault is None else self._session.malformed(_FAULTS[fault])

    def _failed(self, error: StoreFailed) -> str:
        _log.error("message %s is not stored: %s", self._trace.identity, error)
        return notice(Notice.FULL if isinstance(error, StoreFull) else Notice.LATER, self._desk.translate)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Run ``call``; it goes on when the client is gone and we are cancelled, and whatever follows waits for it."""
        if self._busy is not None:
            await asyncio.wait({self._busy})
        busy = self._busy = asyncio.get_running_loop().run_in_executor(self._desk.threads, call)
        return await asyncio.shield(busy)
