"""SMTP for mail programs and devices: aiosmtpd's grammar, our session (RFC 6409, 5321, 4954, 3461, 2920, 6531).

May live here: what a command does to a session. May not: decisions (``session``), texts (``replies``), bytes of
messages (``intake``), how somebody signs in (``authenticate``), what is below commands (``connection``). DATA is read
by us, since aiosmtpd's own reading is slow and keeps whole messages in memory; signing in is awaited, since its
authenticator would hold up every client.
"""

from __future__ import annotations

import asyncio

from appliance.mail.authenticate import TOKEN_LINE
from appliance.mail.commands import Fault, read_recipient, read_sender, split_path
from appliance.mail.connection import Connection, Submission, Way
from appliance.mail.intake import Intake
from appliance.mail.replies import Notice
from appliance.mail.session import announced_size
from appliance.session.visit import Visit

_CHUNK = 256 * 1024
_BULK = 32 * 1024
_MOST_REFUSED = 50
_LONGEST = 30 * 60.0


class Conversation(Connection):
    """The commands of one connection, under the names by which aiosmtpd finds them."""

    def __init__(self, shared: Submission, way: Way) -> None:
        super().__init__(shared, way)
        self._refused = 0

    async def smtp_HELO(self, hostname: str | None) -> None:
        """Greet (RFC 5321 4.1.1.1)."""
        if not hostname:
            await self.send("501 Syntax: HELO hostname")
            return
        self._greet(hostname, extended=False)
        await self.send(f"250 {self.hostname}")

    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Greet, and announce what we can; SIZE is that of the role with the largest (RFC 1870)."""
        if not hostname:
            await self.send("501 Syntax: EHLO hostname")
            return
        self._greet(hostname, extended=True)
        size = announced_size(self._shared.house.snapshot())
        lines = [self.hostname, "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if size is not None:
            lines.insert(1, f"SIZE {size}")
        if self._session.party is None or self._session.visit is not None:  # others have no box for a report
            lines.append("DSN")
        lines.append(f"AUTH {self._mechanisms()}" if self._secured else "STARTTLS")
        await self.send(*(f"250-{line}" for line in lines), "250 HELP")

    def _greet(self, hostname: str, *, extended: bool) -> None:
        self._set_rset_state()
        self.session.extended_smtp, self.session.host_name = extended, hostname

    def _mechanisms(self) -> str:
        """The mechanisms; with tickets lines may be as long as those are, until somebody is signed in."""
        names = sorted(self._authentication.mechanisms)
        if "GSSAPI" in names:
            self._reader.longest(TOKEN_LINE if self._session.visit is None else self.line_length_limit)
        return " ".join(names)

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Begin TLS, once (RFC 3207); what came behind it in clear ends the connection: who sent that is unknown."""
        if self._secured:
            await self.push("503 TLS is active already")
        elif arg:
            await self.push("501 Syntax: STARTTLS")
        elif self._reader.waiting:
            await self._hear_out()
            self.last_word(self._text(Notice.BEHIND_STARTTLS))
        else:
            await self.push("220 2.0.0 Ready to start TLS")
            await self._begin_tls()
            self._set_rset_state()
            self._session.reset()
            peer = self.session.peer
            self.session = self._create_session()
            self.session.peer = peer

    async def check_auth_needed(self, _command: str) -> bool:
        """Say whether there is nobody yet who may send, and answer then."""
        if self._session.party is not None:
            return False
        if self._way is Way.SMTP:
            self._shared.unlisted(self._address)
        first = Notice.SIGN_IN_FIRST if self._secured or self._way is Way.SMTP else Notice.TLS_FIRST
        await self.push(self._text(first))
        return True

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        return ("", "") if not arg else split_path(arg) or (None, None)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a message; who is known by his address may be known no more."""
        if self._session.visit is None and self._session.party is not None:
            self._session.party = self._shared.known(self._address)
        if await self.check_helo_needed() or await self.check_auth_needed("MAIL"):
            return
        if self.envelope.mail_from is not None:
            await self.push("503 Error: nested MAIL command")
            return
        read = read_sender(arg, self.session.extended_smtp)
        if isinstance(read, Fault):
            await self.push(self._text(Notice[read.name]))
            return
        refused = self._session.sender(read.address, read.size, read.envelope)
        if refused is None and self._shared.desk.store.reserve.refuses(read.size or 0):
            refused = self._text(Notice.FULL)
        if refused is None:
            self.envelope.mail_from, self.envelope.smtp_utf8 = read.address, read.smtputf8
        await self.send(refused or self._text(Notice.SENDER_FINE), more=True)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Add a recipient."""
        if await self.check_helo_needed() or await self.check_auth_needed("RCPT"):
            return
        if self.envelope.mail_from is None:
            await self.push("503 Error: need MAIL command")
            return
        read = read_recipient(arg, self.session.extended_smtp, self.envelope.smtp_utf8)
        if isinstance(read, Fault):
            await self.push(self._text(Notice[read.name]))
            return
        refused = self._session.recipient(read.address, read.asked)
        if refused is None:
            self.envelope.rcpt_tos.append(read.address)
        else:
            self._count_refused(refused)
        await self.send(refused or self._text(Notice.RECIPIENT_FINE), more=True)

    def _count_refused(self, reply: str) -> None:
        """End the connection of who goes on to try what is refused: recipients, to find some, or costly messages."""
        self._refused += reply.startswith("5")
        if self._refused > _MOST_REFUSED:
            self.last_word(self._text(Notice.TOO_MANY_REFUSED))

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
        intake = Intake(self._shared.desk, self._session, length, bool(self.envelope.smtp_utf8))
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        until = self.loop.time() + _LONGEST
        try:
            with self._reader.in_bulk(_BULK):
                while not intake.complete:
                    if intake.endless or self.loop.time() > until:
                        await self._dismiss(await intake.finish() if intake.endless else self._text(Notice.TOO_LONG))
                    chunk = await self._reader.read(_CHUNK)
                    if not chunk:
                        raise ConnectionResetError
                    self._reset_timeout()
                    await intake.feed(chunk)
        except BaseException:
            self._shared.keep(intake.discard())
            raise
        if intake.ambiguous:
            await self._dismiss(await intake.finish())
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
        self._count_refused(reply)

    async def _dismiss(self, reply: str) -> None:
        """End a connection whose message does not end, or may have ended elsewhere: nothing behind it is a command."""
        await self._hear_out()
        self.last_word(reply)
        await self.send()

    async def smtp_AUTH(self, arg: str | None) -> None:
        """Sign in (RFC 4954)."""
        words = (arg or "").split()
        if await self.check_helo_needed("EHLO"):
            return
        if not self._secured:
            await self.push(self._text(Notice.TLS_BEFORE_AUTH))
        elif self._session.visit is not None or self.envelope.mail_from is not None:
            await self.push("503 AUTH is not possible now")
        elif not 1 <= len(words) <= 2:
            await self.push("501 Syntax: AUTH mechanism [initial-response]")
        elif words[0].upper() not in self._authentication.mechanisms:
            await self.push("504 5.5.4 Unrecognized authentication type")
        else:
            self._asking = True
            try:
                found = await self._authentication.run(words[0].upper(), words[1] if len(words) > 1 else None)
            finally:
                self._asking = False
            await self.push(found if isinstance(found, str) else self._entered(found))

    def _entered(self, visit: Visit) -> str:
        self._reader.longest(self.line_length_limit)
        self._trust()
        self._visit = visit
        self._shared.sessions.add(visit, visit.valid_until)
        return self._text(Notice.SIGNED_IN)
