"""The whole way of a message through one process, without a network: real commands, rules and files, bytes in and out.

For properties that must hold whatever a client sends. Only the socket is the test's own: it gives bytes as fast as they
are taken, and no faster.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from nacl.signing import SigningKey

from appliance.auth.client import Answer, Verdict
from appliance.daemon.asyncio_loop import AsyncioLoop
from appliance.daemon.connections import Connections
from appliance.daemon.sessions import Sessions
from appliance.mail.commits import Commits
from appliance.mail.connection import Submission, Way
from appliance.mail.intake import Desk
from appliance.mail.party import Party
from appliance.mail.protocol import Conversation
from appliance.mail.seal import Sealer
from appliance.mail.store import Store
from appliance.policy.access import Who
from appliance.policy.account import Account, Consent, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.events import validate
from appliance.policy.limits import LimitTable
from appliance.policy.mailing import MailRules
from appliance.policy.rules import AccessRule
from appliance.policy.snapshot import Snapshot, Version
from appliance.session.kerberos import Acceptor
from appliance.settings.load import load
from tests.unit.mail.houses import house_of

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
PEOPLE = tuple(
    Account(login, uid, role, consents=frozenset(Consent))
    for uid, (login, role) in enumerate({"fred": Role.PUPIL, "frida": Role.TEACHER}.items(), 1)
)
SNAPSHOT = Snapshot(
    version=Version(1, 1),
    audience="mail",
    domain="schule.example",
    zone=ZoneInfo("Europe/Berlin"),
    accounts={each.login: each for each in PEOPLE},
    rules=(AccessRule("access.yaml:1", frozenset({Service.MAIL}), Who(everyone=True), allow=True),),
    consents_required={},
    limits=LimitTable(Limits(100_000, 100_000), message_overhead=500),
    mail=MailRules(receives_outside=frozenset({Role.TEACHER})),
)
FAREWELL = b"\r\n.\r\n*\r\nRSET\r\nQUIT\r\n"
"""Ends whatever a conversation is in the middle of."""


class Pipe(asyncio.Transport):
    """The other side of a connection: what was written, and whether it wants more."""

    def __init__(self) -> None:
        super().__init__({"peername": ("10.1.30.5", 4711)})
        self.written: list[bytes] = []
        self.wants = asyncio.Event()
        self.wants.set()
        self.closed = asyncio.Event()
        self.greeted = asyncio.Event()
        self.protocol: Conversation | None = None

    def write(self, data: bytes) -> None:
        if not self.closed.is_set():
            self.written.append(bytes(data))
            self.greeted.set()

    def pause_reading(self) -> None:
        self.wants.clear()

    def resume_reading(self) -> None:
        self.wants.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def close(self) -> None:
        if not self.closed.is_set():
            self.closed.set()
            self.wants.set()
            assert self.protocol is not None
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close


class _Ear(logging.Handler):
    """Hears what the carer would be told."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(record.getMessage())


class WireSchool:
    """A school whose mail goes into ``root``; everybody's password is ``right``, and ``party`` needs none."""

    def __init__(self, root: Path, threads: Sequence[Executor]) -> None:
        (root / "etc").mkdir()
        (root / "mail").mkdir()
        self._settings = load(root / "etc")
        self._threads = threads
        self._root = root
        self._store = Store(root / "mail", "host")
        self._key = SigningKey.generate()
        self.house = house_of(self, snapshot=lambda: SNAPSHOT, recipients_max=100, now=lambda: NOW)
        self.troubles: list[str] = []
        self._ear = _Ear(self.troubles)
        self.most_held = 0

    def stored(self) -> int:
        """How many messages there are in all mailboxes."""
        return len(list((self._root / "mail").glob("*/new/*")))

    async def talk(self, chunks: Sequence[bytes], party: Party | None, *, safe: bool) -> list[bytes]:
        """Say ``chunks`` and the farewell; give what was sent in one go each, once the connection has ended.

        ``safe``: as if with TLS.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: self.troubles.append(str(context)))
        logging.getLogger("appliance.mail").addHandler(self._ear)
        tasks: set[asyncio.Task[object]] = set()

        def keep(work):
            task = asyncio.ensure_future(work)
            tasks.add(task)
            return task

        mail = self._settings.mail
        desk = Desk(
            store=self._store,
            commits=Commits(self._store, self._threads[0], self._threads[1]),
            threads=self._threads[1],
            sealer=Sealer(self._key),
            translate=str,
        )
        shared = Submission(
            house=self.house,
            desk=desk,
            sessions=Sessions(AsyncioLoop(loop)),
            connections=Connections(9, 9),
            tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            tickets=Acceptor(self._root, False),
            known=lambda _address: party,
            unlisted=lambda _address: None,
            domain="schule.example",
            settings=mail,
            keep=keep,
        )
        pipe, conversation = Pipe(), Conversation(shared, Way.SMTP).another()
        pipe.protocol = conversation
        conversation.connection_made(pipe)
        await pipe.greeted.wait()
        if safe:
            conversation._secured = True
        async with asyncio.timeout(20):
            for chunk in (*chunks, FAREWELL):
                await pipe.wants.wait()
                if pipe.closed.is_set():
                    break
                conversation.data_received(chunk)
                self.most_held = max(self.most_held, len(conversation._reader._buffer) - len(chunk))
            await pipe.closed.wait()
            with contextlib.suppress(asyncio.CancelledError):
                await conversation._handler_coroutine
            for task in tasks:
                await task
        logging.getLogger("appliance.mail").removeHandler(self._ear)
        return pipe.written

    # what a session stands on

    async def verify(self, _service, login, password, _address) -> Verdict:
        """What auth says."""
        return Verdict(Answer.VERIFIED if password.reveal() == "right" else Answer.REFUSED, login)

    def record(self, event) -> None:
        """Take an event, which must be one of the closed list."""
        validate(event)

    def refuse(self, _service, _reason, _rule) -> str:
        return "7KQF-2MXA"

    def of(self, _uid) -> int:
        return 0

    def add(self, _uid, *_amount) -> None: ...

    def in_last_hour(self, _uid, _now) -> int:
        return 0

    def free_at(self, *_asked) -> None:
        return None
