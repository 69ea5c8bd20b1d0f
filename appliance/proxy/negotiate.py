"""Who sent a request, by a ticket: Negotiate (RFC 4559), once on a connection and then remembered for it.

May live here: tokens in the heads of one connection, whom they proved. May not: Kerberos itself (``session.kerberos``),
passwords (``sign_in``), what the person may do (``session``). Basic stays beside it: who is refused by his ticket, an
old one above all, is asked again and may give his password.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.policy.account import Service
from appliance.session.by_ticket import arrive
from appliance.session.house import House
from appliance.session.kerberos import LONGEST, Acceptor, Exchange, NoTicket, Ticket
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn

_SCHEME: Final = "negotiate"
_LEGS: Final = 4
_AGAIN: Final = (Hitch.WRONG_PASSWORD, Hitch.PASSWORD_CHANGED)


@dataclass(frozen=True, slots=True)
class Tickets:
    """What all connections of a worker share."""

    house: House
    acceptor: Acceptor


class Negotiation:
    """What one connection from the IP ``address`` has shown; ``token`` belongs into the next challenge, in base64."""

    def __init__(self, tickets: Tickets, address: str) -> None:
        self.token = ""
        self._tickets = tickets
        self._address = address
        self._exchange: Exchange | None = None
        self._legs = 0
        self._known: tuple[SignedIn, Ticket] | None = None

    @property
    def offered(self) -> bool:
        """Whether tickets are taken."""
        return self._tickets.acceptor.ready

    def who(self, given: Sequence[str]) -> SignedIn | Obstacle | None:
        """Say who sent the ``given`` values of Proxy-Authorization; ``None``: nobody by a ticket.

        Who showed one on this connection counts for every later request that gives nothing, as long as the ticket is
        valid and the password the one of then.
        """
        if not given:
            return self._guest()
        self._known, self.token = None, ""
        scheme, _, value = given[0].partition(" ")
        if len(given) == 1 and scheme.lower() == _SCHEME and self.offered:
            return self._step(value)
        self._exchange = None
        return None

    def _guest(self) -> SignedIn | None:
        if self._known is None:
            return None
        who, ticket = self._known
        account = self._tickets.house.account(who.login)
        if account is None or who.outdated_by(account) or self._tickets.house.now() >= ticket.until:
            self._known = None
            return None
        return who

    def _step(self, value: str) -> SignedIn | Obstacle:
        try:
            found = self._ticket(value)
        except NoTicket as problem:
            self._tickets.acceptor.report(problem)
            self._exchange, self._legs = None, 0
            return Obstacle(Hitch.WRONG_PASSWORD)
        if found is None:
            return Obstacle(Hitch.WRONG_PASSWORD)
        self._exchange, self._legs = None, 0
        who = arrive(self._tickets.house, Service.WEB, found, self._address)
        if isinstance(who, SignedIn):
            self._known = (who, found)
        elif who.why in _AGAIN:
            return Obstacle(Hitch.WRONG_PASSWORD)
        return who

    def _ticket(self, value: str) -> Ticket | None:
        """Give the ticket once all of it was shown."""
        try:
            token = base64.b64decode(value.strip(" "), validate=True) if len(value) <= 2 * LONGEST else b""
        except (binascii.Error, ValueError):
            raise NoTicket("it is not written in base64") from None
        self._legs += 1
        if self._legs > _LEGS:
            raise NoTicket("it has no end")
        self._exchange = self._exchange or self._tickets.acceptor.begin()
        answer = self._exchange.step(token)
        if self._exchange.ticket is None:
            self.token = base64.b64encode(answer).decode()
        return self._exchange.ticket
