"""One message from 354 to stable storage: read, judged by its head, written to the disk as it comes.

May live here: the order of these steps. May not: SMTP commands (``protocol``), what is allowed (``session``), Maildirs
(``store``). Little of a message is in memory at any time; whatever waits for the disk runs in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

from appliance.mail.head import HEAD_LIMIT, Field, Malformed, end_of_head, read_fields
from appliance.mail.replies import Notice, notice
from appliance.mail.rewrite import lines_above, stored_head
from appliance.mail.session import MailSession
from appliance.mail.store import Draft, Store, StoreFailed, StoreFull
from appliance.mail.transfer import Fault, Transfer
from appliance.session.replies import Translate

_log = logging.getLogger(__name__)
_SPILL = 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """What all intakes share; ``threads`` run what waits for the disk."""

    store: Store
    threads: Executor
    translate: Translate


class Intake:
    """Takes one message of ``session``, a line of which has at most ``line_length`` bytes."""

    def __init__(self, desk: Desk, session: MailSession, line_length: int, smtputf8: bool) -> None:
        self._session = session
        self._store = desk.store
        self._threads = desk.threads
        self._translate = desk.translate
        self._trace = session.trace(secrets.token_hex(8), smtputf8)
        self._transfer = Transfer(session.largest, line_length)
        self._logins = session.logins
        self._head = bytearray()
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._in_head = True
        self._draft: Draft | None = None
        self._refused: str | None = None
        self._busy: asyncio.Future[Any] | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole message is there."""
        return self._transfer.complete

    @property
    def rest(self) -> bytes:
        """What the client sent behind the message."""
        return self._transfer.rest

    async def feed(self, data: bytes) -> None:
        """Take ``data`` as it came from the client."""
        lines = self._transfer.feed(data)
        if self._refused is not None or self._transfer.fault is not None:
            await self.discard()
            return
        if self._in_head:
            self._take_head(lines)
        elif lines:
            self._keep(lines)
        if self._waiting_size >= _SPILL and not self.complete:
            try:
                await self._in_thread(self._write)
            except StoreFailed as error:
                self._refused = self._failed(error)

    async def finish(self) -> str:
        """Store the whole message and give the reply; 250 only once it is on stable storage in every mailbox."""
        if self._in_head and self._transfer.fault is None and self._refused is None:
            self._judge(bytes(self._head), b"")
        reply = self._refused or self._faulty() or self._session.whole(self._transfer.size)
        if reply is not None:
            await self.discard()
            return reply
        try:
            size = await self._in_thread(self._deliver)
        except StoreFailed as error:
            return self._failed(error)
        level = logging.DEBUG if self._session.probing else logging.INFO
        _log.log(level, "message %s stored for %d mailboxes", self._trace.identity, len(self._logins))
        return self._session.accepted(self._trace.identity, size)

    async def discard(self) -> None:
        """Leave nothing of the message; does nothing after it was stored."""
        self._waiting.clear()
        self._waiting_size = 0
        self._head.clear()
        if self._draft is not None:
            draft, self._draft = self._draft, None
            await self._in_thread(draft.discard)

    def _take_head(self, lines: bytes) -> None:
        searched = max(len(self._head) - 3, 0)
        self._head += lines
        end = end_of_head(self._head, searched)
        if end is not None:
            head, body = bytes(self._head[:end]), bytes(self._head[end:])
            self._head.clear()
            self._judge(head, body)
        elif len(self._head) > HEAD_LIMIT:
            self._refused = self._session.malformed()

    def _judge(self, head: bytes, body: bytes) -> None:
        self._in_head = False
        if len(head) > HEAD_LIMIT:
            self._refused = self._session.malformed()
            return
        try:
            fields: tuple[Field, ...] = read_fields(head)
        except Malformed:
            self._refused = self._session.malformed()
            return
        self._refused = self._session.head(fields)
        if self._refused is None:
            self._keep(lines_above(self._trace, fields) + stored_head(fields, self._session.shown_name))
            self._keep(body)

    def _keep(self, lines: bytes) -> None:
        self._waiting.append(lines)
        self._waiting_size += len(lines)

    def _faulty(self) -> str | None:
        fault = self._transfer.fault
        if fault is Fault.TOO_LARGE:
            return self._session.whole(self._transfer.size) or notice(Notice.LATER, self._translate)
        return None if fault is None else self._session.malformed(long_line=fault is Fault.LONG_LINE)

    def _failed(self, error: StoreFailed) -> str:
        self._draft = None
        _log.error("message %s is not stored: %s", self._trace.identity, error)
        return notice(Notice.FULL if isinstance(error, StoreFull) else Notice.LATER, self._translate)

    def _write(self) -> None:
        if self._draft is None:
            self._draft = self._store.draft(self._logins)
        waiting, self._waiting, self._waiting_size = self._waiting, [], 0
        self._draft.write(b"".join(waiting))

    def _deliver(self) -> int:
        self._write()
        draft, self._draft = self._draft, None
        return 0 if draft is None else draft.deliver()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Run ``call``; it goes on when the client is gone and we are cancelled, and whatever follows waits for it."""
        if self._busy is not None:
            await asyncio.wait({self._busy})
        busy = self._busy = asyncio.get_running_loop().run_in_executor(self._threads, call)
        return await asyncio.shield(busy)
