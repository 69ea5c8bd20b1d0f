"""Sign-in by a Kerberos ticket: what the tokens of a client prove to a service that has a keytab (RFC 4120, RFC 2743).

May live here: the only import of gssapi, tokens in and out, whom a ticket is for. May not: accounts, policy
(``by_ticket``), a protocol. Nothing here waits for anybody: a token is opened with the keytab alone (0.2 ms), no KDC is
asked, and the one file that is written remembers tokens, so that none counts twice (not synced: after a power cut,
who copied one would have to use it within the five minutes of ``clockskew``, from inside TLS).
"""

from __future__ import annotations

import logging
import os
import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import gssapi
from gssapi import raw

LONGEST: Final = 16 * 1024
"""Bytes of a token; one of a teacher with a hundred groups has three thousand."""

KEYTAB: Final = "krb5.keytab"
"""What the file is called in the folder of each service's own state."""

_log = logging.getLogger(__name__)
_SILENCE: Final = 60.0
_PAC_NAMES: Final = b"urn:mspac:upn-dns-info"
_NO_LONG_NAME, _HAS_SHORT_NAME = 1, 2
_ENDS: Final = {
    "clock skew": "the clocks differ by more than 5 minutes",
    "expired": "it has expired",
    "not yet valid": "it is not valid yet",
    "replay": "it was used already",
    "keytab": "it is for another key",
    "integrity": "it is for another key",
}
"""Words of the library, whose own texts repeat what the client sent, and ours."""


class NoTicket(Exception):
    """The tokens prove nobody. The text, which names nobody, is for the carer and never for the client."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """``login`` is whom it is for, in lower case; it need not be an account.

    ``issued`` is when he last proved his password to the KDC, in whole seconds of its clock, however often the ticket
    was renewed since; ``until`` when it counts no more, which is five minutes after its end, as clocks differ.
    """

    login: str
    issued: datetime
    until: datetime


class Exchange:
    """The tokens of one sign-in. ``ticket`` is there once it is complete."""

    def __init__(self, credentials: gssapi.Credentials, long_names: bool) -> None:
        self.ticket: Ticket | None = None
        self._long_names = long_names
        self._context = gssapi.SecurityContext(creds=credentials, usage="accept")

    def step(self, token: bytes) -> bytes:
        """Take the next token and give the answer to it, which may be empty; raises :class:`NoTicket`."""
        if not token or len(token) > LONGEST:
            raise NoTicket("a token has 1 to 16384 bytes")
        try:
            answer: bytes = self._context.step(token) or b""
            if self._context.complete:
                self.ticket = self._read()
        except raw.GSSError as error:
            raise NoTicket(_told(error)) from error
        return answer

    def wrap(self, text: bytes) -> bytes:
        """Sign ``text`` for the client, once the exchange is complete."""
        message: bytes = self._context.wrap(text, False).message
        return message

    def unwrap(self, message: bytes) -> bytes:
        """Give what the client has signed; raises :class:`NoTicket`."""
        try:
            text: bytes = self._context.unwrap(message).message
        except raw.GSSError as error:
            raise NoTicket(_told(error)) from error
        return text

    def _read(self) -> Ticket:
        context = self._context
        if context.mech != gssapi.MechType.kerberos:
            raise NoTicket("it is no ticket")  # SPNEGO may agree on whatever a plug-in of the machine offers
        name, _, realm = str(context.initiator_name).rpartition("@")
        if realm != str(context.target_name).rpartition("@")[2]:
            raise NoTicket("it is of another realm")
        issued = datetime.fromtimestamp(raw.krb5_extract_authtime_from_sec_context(context), UTC)
        until = datetime.now(UTC) + timedelta(seconds=context.lifetime)
        return Ticket(self._login(name, realm).lower(), issued, until)

    def _login(self, name: str, realm: str) -> str:
        """Give whom it is for: in our domain by the long name, elsewhere by the short one.

        Not by the name in the ticket, which is what somebody asked for: AD lets a machine ``fred$`` ask as ``fred`` as
        long as nobody else is called that.
        """
        long, short = self._names()
        if self._long_names:
            login, _, domain = (long or "").rpartition("@")
            if domain.upper() != realm:
                raise NoTicket("it is for no person")
        else:
            login = short or name
        if not login or set(login) & set("$/@\\"):
            raise NoTicket("it is for no person")
        return login

    def _names(self) -> tuple[str | None, str | None]:
        """Give userPrincipalName, if the account has one, and sAMAccountName, as the KDC has signed them ([MS-PAC])."""
        try:
            found = raw.get_name_attribute(self._context.initiator_name, _PAC_NAMES)
        except raw.GSSError:
            return None, None
        return pac_names(found.values[0]) if found.authenticated and found.values else (None, None)


class Acceptor:
    """Takes tickets for the service whose key is in ``folder``; ``long_names``: logins are userPrincipalNames."""

    def __init__(self, folder: Path, long_names: bool) -> None:
        self._keytab = folder / KEYTAB
        self._replays = folder / "krb5.replays"
        self._long_names = long_names
        self._silent: dict[str, float] = {}
        os.environ["KRB5_CONFIG"] = os.devnull  # what the machine is set up for is not ours

    @property
    def ready(self) -> bool:
        """Whether there is a keytab; it may come, change and go at any time."""
        return self._keytab.is_file()

    def report(self, problem: NoTicket) -> None:
        """Tell the carer of ``problem``, the same once a minute: clocks that differ bring many."""
        text, now = str(problem), time.monotonic()
        if now >= self._silent.get(text, 0.0):
            self._silent[text] = now + _SILENCE
            _log.info("a ticket was not taken: %s", text)

    def begin(self) -> Exchange:
        """Begin to sign somebody in; raises :class:`NoTicket` without a keytab that can be used."""
        store = {"keytab": f"FILE:{self._keytab}", "rcache": f"file2:{self._replays}"}
        try:
            return Exchange(gssapi.Credentials(usage="accept", store=store), self._long_names)
        except raw.GSSError as error:
            raise NoTicket("the keytab cannot be used") from error


def pac_names(content: bytes) -> tuple[str | None, str | None]:
    """Read userPrincipalName, unless it was made up, and sAMAccountName out of UPN_DNS_INFO ([MS-PAC] 2.10)."""
    try:
        length, offset, _, _, flags = struct.unpack_from("<HHHHI", content)
        long = None if flags & _NO_LONG_NAME else content[offset : offset + length].decode("utf-16-le")
        if not flags & _HAS_SHORT_NAME:
            return long, None
        length, offset = struct.unpack_from("<HH", content, 12)
        return long, content[offset : offset + length].decode("utf-16-le")
    except (struct.error, UnicodeDecodeError):
        return None, None


def _told(error: raw.GSSError) -> str:
    said = str(error).lower()
    return next((ours for words, ours in _ENDS.items() if words in said), "it cannot be read")
