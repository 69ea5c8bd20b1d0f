"""AUTH GSSAPI as a conversation of messages (RFC 4752): tokens first, then which layer follows. None, as TLS is there.

May live here: the order of messages, what they hold. May not: SMTP's lines, Kerberos (``session.kerberos``), accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.session.kerberos import NoTicket, Ticket

_NO_LAYER = b"\x01"
_OFFER = _NO_LAYER + b"\0\0\0"


class Tokens(Protocol):
    """The tokens of one sign-in: :class:`appliance.session.kerberos.Exchange`."""

    ticket: Ticket | None

    def step(self, token: bytes) -> bytes:
        """Take a token, give the answer; raises ``NoTicket``."""
        ...

    def wrap(self, text: bytes) -> bytes:
        """Sign ``text``."""
        ...

    def unwrap(self, message: bytes) -> bytes:
        """Give what was signed; raises ``NoTicket``."""
        ...


@dataclass(frozen=True, slots=True)
class Proved:
    """``ticket`` was shown; ``identity`` is as whom the client wants to act, often empty."""

    ticket: Ticket
    identity: str


class Dialogue:
    """One AUTH GSSAPI."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._offered = False

    def step(self, response: bytes) -> bytes | Proved:
        """Take what the client sent; give the next challenge or how it ended. Raises ``NoTicket``."""
        if self._offered:
            return self._ended(response)
        if self._tokens.ticket is None:
            answer = self._tokens.step(response)
            if answer or self._tokens.ticket is None:
                return answer
        elif response:
            raise NoTicket("something follows the last token")
        self._offered = True
        return self._tokens.wrap(_OFFER)

    def _ended(self, response: bytes) -> Proved:
        wanted, ticket = self._tokens.unwrap(response), self._tokens.ticket
        if ticket is None or len(wanted) < len(_OFFER) or wanted[:1] != _NO_LAYER:
            raise NoTicket("it asks for a layer that was not offered")
        try:
            return Proved(ticket, wanted[len(_OFFER) :].decode("utf-8"))
        except UnicodeDecodeError:
            raise NoTicket("the name that it gives cannot be read") from None
