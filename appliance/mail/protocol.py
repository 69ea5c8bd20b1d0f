"""SMTP submission: aiosmtpd's grammar, our session (RFC 6409, RFC 5321, RFC 3207, RFC 4954).

May live here: the only import of aiosmtpd, and what a command does to a session. May not: decisions (``session``),
texts (``replies``), bytes of messages (``intake``). aiosmtpd is kept to parsing: DATA is read by us, since its own
reading is slow and keeps whole messages in memory; signing in is awaited, since its authenticator would hold up every
client; what it logs names clients and is switched off.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiosmtpd import smtp as aiosmtpd

from appliance.daemon.logs import describe
from appliance.daemon.secret import Secret
from appliance.daemon.sessions import Sessions
from appliance.mail.commands import sizes_are_numbers, split_path
from appliance.mail.gssapi import Dialogue, Proved
from appliance.mail.intake import Desk, Intake
from appliance.mail.replies import Notice, notice, with_enhanced_code
from appliance.mail.session import House, MailSession, announced_size
from appliance.mail.wire import BadLine, Connections, LineReader
from appliance.session.kerberos import LONGEST, Acceptor, NoTicket
from appliance.session.visit import Visit
from appliance.settings.mail import Mail

_log = logging.getLogger(__name__)
logging.getLogger("mail.log").disabled = True

_CHUNK = 256 * 1024
_LINGER = 2.0
_STRANGER = 60.0
_HEARD_OUT, _SILENCE = 1.0, 0.1
_REFUSED_RECIPIENTS = 50
_LEGS = 6
_TOKEN_LINE = 4 * -(-LONGEST // 3) + 20
_COMMAND_LIMITS = {"MAIL": 900, "RCPT": 900, "AUTH": _TOKEN_LINE}
_CALL_LIMITS = {"STARTTLS": 3, "VRFY": 20, "HELP": 20, "EHLO": 20, "HELO": 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What every connection of a worker shares. ``keep`` runs a coroutine to its end, even through a graceful stop."""

    house: House
    desk: Desk
    sessions: Sessions
    connections: Connections
    tls: ssl.SSLContext
    tickets: Acceptor
    domain: str
    settings: Mail
    keep: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]


class Connection(aiosmtpd.SMTP):
    """One connection of a mail program."""

    def __init__(self, shared: Submission) -> None:
        self._shared = shared
        self._mail: MailSession | None = None
        self._address = ""
        self._storing = False
        self._asking = False
        self._greeting = False
        self._known = False
        self._refused_recipients = 0
        self._last_word: str | None = None
        self.command_size_limits: dict[str, int] = defaultdict(lambda: self.command_size_limit)
        super().__init__(
            self,
            hostname=shared.domain,
            ident="ESMTP",
            enable_SMTPUTF8=True,
            data_size_limit=0,
            tls_context=shared.tls,
            require_starttls=True,
            auth_required=True,
            timeout=min(shared.settings.idle_timeout, _STRANGER),
            command_call_limit=_CALL_LIMITS | {"*": shared.settings.commands_max, "AUTH": shared.settings.sign_ins_max},
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits.update(_COMMAND_LIMITS)
        # The same stream protocol again, on a reader that insists on CRLF.
        reader = LineReader(limit=self.line_length_limit, loop=self.loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, self._client_connected_cb, loop=self.loop)

    # The connection.

    async def _handle_client(self) -> None:
        peer = self.transport.get_extra_info("peername")
        self._address = str(peer[0]).partition("%")[0].removeprefix("::ffff:") if peer else ""
        if not self._shared.connections.take(self, self._address):
            self.last_word(notice(Notice.TOO_MANY_CONNECTIONS, self._shared.house.translate))
            return
        self._mail = MailSession(self._shared.house, self._address or None, self.last_word)
        await super()._handle_client()

    def connection_lost(self, error: Exception | None) -> None:
        """Give back what the connection held."""
        self._shared.connections.give_back(self)
        if self._mail is not None and self._mail.visit is not None:
            self._shared.sessions.remove(self._mail.visit)
        if self.transport is not None:
            super().connection_lost(error)

    def give_way(self) -> None:
        """Close, because somebody else needs the room."""
        self.last_word(notice(Notice.TOO_MANY_CONNECTIONS, self._shared.house.translate))

    def last_word(self, reply: str) -> None:
        """Send ``reply`` and close; a message that is just being stored is answered first."""
        if self.transport is None or self._last_word is not None:
            return
        self._last_word = reply
        if not self._storing:
            self._hang_up()

    def _hang_up(self) -> None:
        transport = self.transport
        if transport is None:
            return
        transport.write(f"{self._last_word}\r\n".encode("ascii"))
        transport.close()
        self.loop.call_later(_LINGER, self._cut_off)

    def _cut_off(self) -> None:
        """End a connection whose client neither reads nor closes."""
        if self.transport is not None:
            self.transport.abort()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Begin to wait anew; who has not signed in has one span for everything, which no command prolongs."""
        if self._known or self._timeout_handle is None:
            super()._reset_timeout(duration)

    def _timeout_cb(self) -> None:
        if self._storing or self._asking:  # the client waits for us
            super()._reset_timeout()
            return
        self.last_word(notice(Notice.IDLE if self._known else Notice.TOO_SLOW, self._shared.house.translate))

    async def push(self, status: str | bytes) -> None:
        """Send a reply line, with an enhanced code where one belongs; after the last word wait for the end instead."""
        if self._last_word is not None and not self._storing:
            await self.loop.create_future()  # ended by connection_lost; bad input could go round for ever
        text = status.decode("ascii", "replace") if isinstance(status, bytes) else status
        line = text if self._greeting else with_enhanced_code(text)
        await super().push(line.encode("ascii", "replace"))

    async def handle_exception(self, error: Exception) -> str:
        """Tell the client nothing of ``error``; the journal gets its kind and place."""
        if isinstance(error, BadLine):
            await self._hear_out()
            self.last_word(notice(Notice.BAD_LINE, self._shared.house.translate))
        elif not isinstance(error, aiosmtpd.TLSSetupException):
            _log.error("a mail session met an unexpected error: %s", describe(error))
        return notice(Notice.ERROR, self._shared.house.translate)

    async def _hear_out(self) -> None:
        """Throw away what the client is just sending: to close with bytes unread is a reset, and it reads no reply."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARD_OUT):
                while await asyncio.wait_for(self._reader.read(_CHUNK), _SILENCE):
                    pass

    # Commands; the handle_ methods are aiosmtpd's hooks, for which we are our own handler.

    async def smtp_HELO(self, hostname: str) -> None:
        """Greet; the replies to a greeting have no enhanced codes (RFC 2034)."""
        self._greeting = True
        await super().smtp_HELO(hostname)
        self._greeting = False

    async def smtp_EHLO(self, hostname: str) -> None:
        """Greet, as above."""
        self._greeting = True
        await super().smtp_EHLO(hostname)
        self._greeting = False

    async def handle_EHLO(
        self, _server: Connection, session: Any, _envelope: Any, hostname: str, _responses: list[str]
    ) -> list[str]:
        """Announce what we can; SIZE is that of the role with the largest (RFC 1870)."""
        session.host_name = hostname
        size = announced_size(self._shared.house.snapshot())
        lines = [self.hostname, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if size is not None:
            lines.insert(1, f"SIZE {size}")
        lines.append("STARTTLS" if self._tls_protocol is None else f"AUTH {self._ways()}")
        return [*(f"250-{line}" for line in lines), "250 HELP"]

    def _ways(self) -> str:
        """The mechanisms; with tickets lines may be as long as those are, until somebody is signed in."""
        if not self._shared.tickets.ready:
            return "LOGIN PLAIN"
        self._reader.longest(self.line_length_limit if self._known else _TOKEN_LINE)
        return "GSSAPI LOGIN PLAIN"

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Begin TLS, once (RFC 3207)."""
        if self._tls_protocol is not None:
            await self.push("503 TLS is active already")
            return
        await super().smtp_STARTTLS(arg)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        return ("", "") if not arg else split_path(arg) or (None, None)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a message; aiosmtpd takes digits of any script for a number."""
        if arg is not None and not sizes_are_numbers(arg):
            await self.push("501 SIZE must be a number of bytes")
            return
        await super().smtp_MAIL(arg)

    async def handle_MAIL(
        self, _server: Connection, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Begin a message."""
        size = next((int(option[5:]) for option in options if option.startswith("SIZE=")), None)
        refused = self._signed_in().sender(address, size)
        if refused is not None:
            return refused
        desk = self._shared.desk
        if await self.loop.run_in_executor(desk.threads, desk.store.reserve.refuses, size or 0):
            return notice(Notice.FULL, self._shared.house.translate)
        envelope.mail_from = address
        return notice(Notice.SENDER_FINE, self._shared.house.translate)

    async def handle_RCPT(
        self, _server: Connection, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Add a recipient."""
        refused = self._signed_in().recipient(address)
        if refused is not None:
            self._refused_recipients += refused.startswith("5")
            if self._refused_recipients > _REFUSED_RECIPIENTS:
                self.last_word(notice(Notice.TOO_MANY_REFUSED, self._shared.house.translate))
            return refused
        envelope.rcpt_tos.append(address)
        return notice(Notice.RECIPIENT_FINE, self._shared.house.translate)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Take a message."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        length = self._shared.settings.line_length
        intake = Intake(self._shared.desk, self._signed_in(), length, bool(self.envelope.smtp_utf8))
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            while not intake.complete:
                chunk = await self._reader.read(_CHUNK)
                if not chunk:
                    raise ConnectionResetError
                self._reset_timeout()
                await intake.feed(chunk)
        except BaseException:
            self._shared.keep(intake.discard())
            raise
        self._reader.put_back(intake.rest)
        self._set_post_data_state()
        self._storing = True
        try:
            reply = await asyncio.shield(self._shared.keep(intake.finish()))
            await self.push(reply)
        finally:
            self._storing = False
            self._reset_timeout()
        if self._last_word is not None:
            self._hang_up()

    async def auth_PLAIN(self, _server: Connection, args: list[str]) -> aiosmtpd.AuthResult:
        """Sign in by one response (RFC 4616)."""
        response = await self._response(args[1] if len(args) > 1 else None, "")
        if response is None:
            return _ANSWERED
        identity, zero, credentials = response.partition("\0")
        login, nul, password = credentials.partition("\0")
        if not (zero and nul) or "\0" in password:
            return await self._answer(notice(Notice.NOT_READABLE, self._shared.house.translate))
        if identity not in {"", login}:
            return await self._answer(notice(Notice.OTHER_IDENTITY, self._shared.house.translate))
        return await self._sign_in(login, Secret(password))

    async def auth_LOGIN(self, _server: Connection, args: list[str]) -> aiosmtpd.AuthResult:
        """Sign in by two responses, as older programs do."""
        login = await self._response(args[1] if len(args) > 1 else None, "Username:")
        if login is None:
            return _ANSWERED
        password = await self._response(None, "Password:")
        return _ANSWERED if password is None else await self._sign_in(login, Secret(password))

    async def auth_GSSAPI(self, _server: Connection, args: list[str]) -> aiosmtpd.AuthResult:
        """Sign in by a Kerberos ticket (RFC 4752)."""
        if not self._shared.tickets.ready:
            return await self._answer("504 5.5.4 Unrecognized authentication type")
        self._reader.longest(_TOKEN_LINE)
        given, challenge, translate = args[1] if len(args) > 1 else None, b"", self._shared.house.translate
        try:
            dialogue = Dialogue(self._shared.tickets.begin())
            for _ in range(_LEGS):
                response = await self._bytes(given, challenge)
                if response is None:
                    return _ANSWERED
                given, step = None, dialogue.step(response)
                if isinstance(step, Proved):
                    return await self._entered(self._signed_in().sign_in_by_ticket(step))
                challenge = step
            raise NoTicket("it has no end")
        except NoTicket as problem:
            self._shared.tickets.report(problem)
            return await self._answer(notice(Notice.NO_TICKET, translate))

    async def _sign_in(self, login: str, password: Secret) -> aiosmtpd.AuthResult:
        mail = self._signed_in()
        self._asking = True
        visit = await mail.sign_in(login, password)
        self._asking = False
        return await self._entered(visit)

    async def _entered(self, visit: Visit | str) -> aiosmtpd.AuthResult:
        if isinstance(visit, str):
            return await self._answer(visit)
        self._known = True
        self._reader.longest(self.line_length_limit)
        self._timeout_duration = self._shared.settings.idle_timeout
        self._reset_timeout()
        self._shared.connections.signed_in(self)
        self._shared.sessions.add(visit, visit.valid_until)
        welcome = notice(Notice.SIGNED_IN, self._shared.house.translate)
        return aiosmtpd.AuthResult(success=True, message=welcome)

    async def _response(self, given: str | None, challenge: str) -> str | None:
        """Get a response, as text; when there is none that can be read, it is answered and ``None`` comes back."""
        response = await self._bytes(given, challenge.encode())
        try:
            return None if response is None else response.decode("utf-8")
        except UnicodeDecodeError:
            await self._answer(notice(Notice.NOT_READABLE, self._shared.house.translate))
            return None

    async def _bytes(self, given: str | None, challenge: bytes) -> bytes | None:
        """Get a response, as above."""
        if given is None:
            await self.push(f"334 {b64encode(challenge).decode()}")
            given = (await self._reader.readuntil()).strip().decode("ascii", "replace")
        if given == "*":
            await self._answer(notice(Notice.ABORTED, self._shared.house.translate))
            return None
        try:
            return b64decode("" if given == "=" else given, validate=True)
        except (Base64Error, ValueError):
            await self._answer(notice(Notice.NOT_READABLE, self._shared.house.translate))
            return None

    async def _answer(self, reply: str) -> aiosmtpd.AuthResult:
        await self.push(reply)
        return _ANSWERED

    def _signed_in(self) -> MailSession:
        if self._mail is None:
            raise RuntimeError("a command before the greeting")
        return self._mail


_ANSWERED = aiosmtpd.AuthResult(success=False, handled=True)
