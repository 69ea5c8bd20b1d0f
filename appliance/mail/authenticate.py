"""AUTH as a conversation: PLAIN, LOGIN and GSSAPI (RFC 4954, RFC 4616, RFC 4752), each awaited from its first line on.

May live here: challenges and responses, up to who signed in. May not: the connection and its commands (``protocol``),
whether somebody may sign in (``session``). Each wrong attempt of a connection is answered later than the one before;
what that costs over several connections is auth's to say.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from appliance.daemon.secret import Secret
from appliance.mail.gssapi import Dialogue, Proved
from appliance.mail.replies import Notice, notice
from appliance.mail.session import MailSession
from appliance.session.kerberos import LONGEST, Acceptor, NoTicket
from appliance.session.replies import Translate
from appliance.session.visit import Visit

TOKEN_LINE = 4 * -(-LONGEST // 3) + 20
"""Bytes of the longest line that carries a token of Kerberos."""

_LEGS = 6
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0


class Talk(Protocol):
    """The connection on which somebody signs in."""

    async def challenge(self, challenge: bytes) -> bytes:
        """Send ``challenge`` and give the line that answers it, without its end."""
        ...

    def expect_tokens(self) -> None:
        """Take lines as long as :data:`TOKEN_LINE` from now on."""
        ...


class _Answered(Exception):
    """It did not come so far that somebody could be asked; the text is the reply."""


class Authentication:
    """The sign-ins that one connection tries. ``tickets`` are those that it takes, when there is a keytab."""

    def __init__(self, talk: Talk, session: MailSession, tickets: Acceptor, translate: Translate) -> None:
        self._talk = talk
        self._session = session
        self._tickets = tickets
        self._translate = translate
        self._wrong = 0

    @property
    def mechanisms(self) -> Mapping[str, Callable[[str | None], Awaitable[Visit | str]]]:
        """What can be used now, by name."""
        ways = {"LOGIN": self._login, "PLAIN": self._plain}
        return {"GSSAPI": self._gssapi, **ways} if self._tickets.ready else ways

    async def run(self, mechanism: str, initial: str | None) -> Visit | str:
        """Sign in by ``mechanism`` with the ``initial`` response, if one came; who it is, or the reply that refuses.

        A refusal comes back the later the more there were.
        """
        try:
            found = await self.mechanisms[mechanism](initial)
        except _Answered as answered:
            return str(answered)
        except NoTicket as problem:
            self._tickets.report(problem)
            found = self._say(Notice.NO_TICKET)
        if isinstance(found, str):
            self._wrong += 1
            await asyncio.sleep(min(_FIRST_PAUSE * 2 ** (self._wrong - 1), _LONGEST_PAUSE))
        return found

    async def _plain(self, initial: str | None) -> Visit | str:
        """One response (RFC 4616)."""
        identity, zero, credentials = (await self._text(initial, b"")).partition("\0")
        login, nul, password = credentials.partition("\0")
        if not (zero and nul) or "\0" in password:
            raise _Answered(self._say(Notice.NOT_READABLE))
        if identity not in {"", login}:
            return self._say(Notice.OTHER_IDENTITY)
        return await self._session.sign_in(login, Secret(password))

    async def _login(self, initial: str | None) -> Visit | str:
        """Two responses, as older programs do."""
        login = await self._text(initial, b"Username:")
        return await self._session.sign_in(login, Secret(await self._text(None, b"Password:")))

    async def _gssapi(self, initial: str | None) -> Visit | str:
        """A Kerberos ticket (RFC 4752)."""
        self._talk.expect_tokens()
        dialogue = Dialogue(self._tickets.begin())
        step = dialogue.step(await self._bytes(initial, b""))
        for _ in range(_LEGS):
            if isinstance(step, Proved):
                return self._session.sign_in_by_ticket(step)
            step = dialogue.step(await self._bytes(None, step))
        raise NoTicket("it has no end")

    async def _text(self, given: str | None, challenge: bytes) -> str:
        try:
            return (await self._bytes(given, challenge)).decode("utf-8")
        except UnicodeDecodeError:
            raise _Answered(self._say(Notice.NOT_READABLE)) from None

    async def _bytes(self, given: str | None, challenge: bytes) -> bytes:
        """Get a response, asking for it with ``challenge`` if none was ``given``; ``=`` is an empty one."""
        if given is None:
            given = (await self._talk.challenge(b64encode(challenge))).decode("ascii", "replace")
            if given == "*":
                raise _Answered(self._say(Notice.ABORTED))
        try:
            return b64decode("" if given == "=" else given, validate=True)
        except (Base64Error, ValueError):
            raise _Answered(self._say(Notice.NOT_READABLE)) from None

    def _say(self, which: Notice) -> str:
        return notice(which, self._translate)
