"""One connection to the mail service, below its commands: room, TLS, time, replies and the end (RFC 8314, RFC 3207).

May live here: what holds for whatever is said. May not: commands (``protocol``, which alone uses this). aiosmtpd is
kept to reading commands; what it logs names clients and is switched off.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from aiosmtpd import smtp as aiosmtpd

from appliance.daemon.connections import Connections
from appliance.daemon.logs import describe
from appliance.daemon.sessions import Sessions
from appliance.mail.authenticate import TOKEN_LINE, Authentication
from appliance.mail.house import House
from appliance.mail.intake import Desk
from appliance.mail.party import Party
from appliance.mail.replies import Notice, notice, with_enhanced_code
from appliance.mail.session import MailSession
from appliance.mail.wire import BadLine, LineReader
from appliance.session.kerberos import Acceptor
from appliance.session.visit import Visit
from appliance.settings.mail import Mail

_log = logging.getLogger(__name__)
logging.getLogger("mail.log").disabled = True
aiosmtpd.sanitized_log = lambda *_: None  # it searches each line for passwords, for the log that is off

_CHUNK = 256 * 1024
_LINGER = 2.0
_STRANGER = 60.0
_HANDSHAKE = 30.0
_PAUSE = 0.1
_MOST_HELD = 4096
_HEARD_OUT, _SILENCE = 1.0, 0.1
_COMMAND_LIMIT = 512
_COMMAND_LIMITS = {"MAIL": 900, "RCPT": 1200, "AUTH": TOKEN_LINE}
_CALL_LIMITS = {"STARTTLS": 3, "VRFY": 20, "HELP": 20, "EHLO": 20, "HELO": 20}


class Way(StrEnum):
    """A way in; the value is the name of its listening sockets, as in ``network.yaml``."""

    SUBMISSION = "submission"
    SUBMISSIONS = "submissions"
    SMTP = "smtp"


class _SizeLimits(dict[str, int]):
    """Bytes that a command's line may have, by its name."""

    def __missing__(self, _command: str) -> int:
        return _COMMAND_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What every connection of a worker shares. ``keep`` runs a coroutine to its end, even through a graceful stop.

    ``known`` gives who hands in mail from an IP address without signing in, where the way allows that, as of now;
    ``unlisted`` hears of each address that tried to without being one of them.
    """

    house: House
    desk: Desk
    sessions: Sessions
    connections: Connections
    tls: ssl.SSLContext
    tickets: Acceptor
    known: Callable[[str], Party | None]
    unlisted: Callable[[str], None]
    domain: str
    settings: Mail
    keep: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]


class Connection(aiosmtpd.SMTP):
    """One connection that came by ``way``; a subclass has the commands. The first is a pattern for :meth:`another`."""

    session: Any
    envelope: Any
    transport: Any
    _reader: Any
    _writer: Any
    _session: MailSession
    _authentication: Authentication

    def __init__(self, shared: Submission, way: Way) -> None:
        self._shared = shared
        self._way = way
        self._address = ""
        self._opening: asyncio.Task[None] | None = None
        self._visit: Visit | None = None
        self._secured = False
        self._securing = False
        self._storing = False
        self._asking = False
        self._held = b""
        self._known = False
        self._silent_until = 0.0
        self._last_word: str | None = None
        self.command_size_limits = _SizeLimits()
        super().__init__(
            None,
            hostname=shared.domain,
            ident="ESMTP",
            enable_SMTPUTF8=True,
            data_size_limit=0,
            tls_context=shared.tls,
            auth_required=True,
            timeout=min(shared.settings.idle_timeout, _STRANGER),
            command_call_limit=_CALL_LIMITS | {"*": shared.settings.commands_max, "AUTH": shared.settings.sign_ins_max},
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits.update(_COMMAND_LIMITS)

    def another(self) -> Self:
        """Give one for a new connection. A copy, since aiosmtpd looks through all that we have to make one."""
        made = copy.copy(self)
        # The same stream protocol again, on a reader that insists on CRLF.
        reader = LineReader(limit=self.line_length_limit, loop=self.loop)
        asyncio.StreamReaderProtocol.__init__(made, reader, made._connected, loop=self.loop)
        made._smtp_methods = {name: getattr(made, f"smtp_{name}") for name in self._smtp_methods}
        return made

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def let_in(self, address: str) -> bool:
        """Count it as one from the IP ``address``; whether there is room for it."""
        self._address = address = address.partition("%")[0].removeprefix("::ffff:")
        return self._shared.connections.take(self, address)

    async def secure(self, link: socket.socket) -> None:
        """Begin, now that it is let in, on ``link`` with TLS at once (RFC 8314 3.3); return when that is agreed or not.

        Other than with STARTTLS the client speaks first, and a transport would read that before we could ask for TLS.
        """
        self._opening = asyncio.current_task()
        patience = min(_HANDSHAKE, self._timeout_duration)
        try:
            if self._last_word is not None:  # it had to give way before it began
                return
            with contextlib.suppress(Exception):  # whatever the other side made of it: there are many words
                await self.loop.connect_accepted_socket(
                    lambda: self, link, ssl=self._shared.tls, ssl_handshake_timeout=patience
                )
        finally:
            self._opening = None
            if self.transport is None:
                link.close()
                self._shared.connections.give_back(self)

    async def _handle_client(self) -> None:
        try:
            await self._welcome()
        except asyncio.CancelledError:  # he has gone; aiosmtpd closes in its own part only
            if self.transport is not None:
                self.transport.close()
            raise

    async def _welcome(self) -> None:
        shared = self._shared
        if self._way is not Way.SUBMISSIONS:
            peer = self.transport.get_extra_info("peername")
            if not self.let_in(str(peer[0]) if peer else ""):
                self.last_word(self._text(Notice.TOO_MANY_CONNECTIONS))
                return
        self._session = MailSession(shared.house, self._address or None, self.last_word)
        self._session.secured = self._secured = self._over_ssl
        self._authentication = Authentication(self, self._session, shared.tickets, shared.house.translate)
        party = shared.known(self._address) if self._way is Way.SMTP else None
        if party is not None:
            self._session.enter(party)
            self._trust()
        if await self._reader.speaks_within(0 if party is not None else _PAUSE):
            await self._hear_out()
            self.last_word(self._text(Notice.TALKS_FIRST))
            return
        await super()._handle_client()

    def connection_lost(self, error: Exception | None) -> None:
        """Give back what the connection held."""
        self._shared.connections.give_back(self)
        if self._visit is not None:
            self._shared.sessions.remove(self._visit)
        if self.transport is not None:
            super().connection_lost(error)
            self._forget()

    def _forget(self) -> None:
        """Let go of what refers to us: hardly anything of a connection waits for the collector of cycles then."""
        for name in ("_session", "_authentication", "_smtp_methods", "_handler_coroutine"):
            self.__dict__.pop(name, None)

    def give_way(self) -> None:
        """Close, because somebody else needs the room."""
        self.last_word(self._text(Notice.TOO_MANY_CONNECTIONS))

    def last_word(self, reply: str) -> None:
        """Send ``reply`` and close; a message that is just being stored is answered first."""
        if self._last_word is not None:
            return
        self._last_word = reply
        if self._opening is not None:
            self._opening.cancel()
        elif not self._storing:
            self._hang_up()

    def _hang_up(self) -> None:
        transport = self.transport
        if transport is None:
            return
        if self._securing:  # a reply in clear would be taken for a part of the handshake
            transport.abort()
            return
        transport.write(self._held + f"{self._last_word}\r\n".encode("ascii"))
        transport.close()
        self.loop.call_later(_LINGER, self._cut_off)

    def _cut_off(self) -> None:
        """End a connection whose client neither reads nor closes."""
        if self.transport is not None:
            self.transport.abort()

    def _trust(self) -> None:
        """Let whoever it is stay, however many come, and begin his idle time with each command."""
        self._known = True
        self._timeout_duration = self._shared.settings.idle_timeout
        self._reset_timeout()
        self._shared.connections.signed_in(self)

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Begin to wait anew; who has not signed in has one span for everything, which no command prolongs."""
        if self._known or self._timeout_handle is None:
            duration = duration or self._timeout_duration
            self._silent_until = self.loop.time() + duration
            if self._timeout_handle is None:  # else it looks at the time when it is due: a new one costs more
                super()._reset_timeout(duration)

    def _timeout_cb(self) -> None:
        left = self._silent_until - self.loop.time()
        if self._storing or self._asking:  # the client waits for us
            left = self._timeout_duration
        if left > 0:
            super()._reset_timeout(left)
            return
        self.last_word(self._text(Notice.IDLE if self._known else Notice.TOO_SLOW))

    async def push(self, status: str | bytes | None) -> None:
        """Send a reply line, with an enhanced code where one belongs."""
        if status is None:  # as aiosmtpd has it when the client went while we were about to say what is wrong
            raise asyncio.CancelledError
        text = status.decode("ascii", "replace") if isinstance(status, bytes) else status
        if not text.isprintable():  # aiosmtpd repeats what it does not know
            text = "".join(each if each.isprintable() else "?" for each in text)
        await self.send(with_enhanced_code(text))

    async def send(self, *lines: str, more: bool = False) -> None:
        """Send the ``lines`` of a reply as they are; after the last word wait for the end instead.

        With ``more`` it may wait for the reply to the next command, if that is there already (RFC 2920 3.2).
        """
        if self.transport is None:
            raise asyncio.CancelledError  # the connection has ended, and what we waited for at that moment came too
        if self._last_word is not None and not self._storing:
            await self.loop.create_future()  # ended by connection_lost; bad input could go round for ever
        self._held += "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")
        if more and self._reader.has_line and len(self._held) < _MOST_HELD:
            return
        held, self._held = self._held, b""
        self._writer.write(held)
        await self._writer.drain()

    async def handle_exception(self, error: Exception) -> str:
        """Tell the client nothing of ``error``; the journal gets its kind and place."""
        if isinstance(error, BadLine):
            await self._hear_out()
            self.last_word(self._text(Notice.BAD_LINE))
        elif not isinstance(error, aiosmtpd.TLSSetupException):
            _log.error("a mail session met an unexpected error: %s", describe(error))
        return self._text(Notice.ERROR)

    async def _hear_out(self) -> None:
        """Throw away what the client is just sending: to close with bytes unread is a reset, and it reads no reply.

        The time is looked at after each piece: of who sends without a pause no wait is ever cut short.
        """
        until = self.loop.time() + _HEARD_OUT
        with contextlib.suppress(TimeoutError):
            while self.loop.time() < until:
                async with asyncio.timeout(_SILENCE):
                    if not await self._reader.read(_CHUNK):
                        break

    async def _begin_tls(self) -> None:
        """Turn the connection into one with TLS; raises aiosmtpd's ``TLSSetupException``."""
        if self._reader.waiting:  # somebody sent on in clear while the reply before was under way
            raise aiosmtpd.TLSSetupException
        self._securing = True
        try:
            safe = await self.loop.start_tls(
                self.transport, self, self._shared.tls, server_side=True, ssl_handshake_timeout=_HANDSHAKE
            )
        except Exception as error:  # whatever the other side made of it, asyncio and OpenSSL have many words for it
            raise aiosmtpd.TLSSetupException from error
        finally:
            self._securing = False
        if safe is None or safe.is_closing():
            raise aiosmtpd.TLSSetupException
        self.transport = self._transport = self._reader._transport = self._writer._transport = safe
        self._over_ssl = self._secured = self._session.secured = True

    async def challenge(self, challenge: bytes) -> bytes:
        """Ask for a response (RFC 4954 4); the client is not waiting for us meanwhile."""
        self._asking = False
        await self.push(b"334 " + challenge)
        line: bytes = await self._reader.readuntil()
        self._asking = True
        return line.strip()

    def expect_tokens(self) -> None:
        """Take lines that carry tokens of Kerberos."""
        self._reader.longest(TOKEN_LINE)

    def _text(self, which: Notice) -> str:
        return notice(which, self._shared.house.translate)
