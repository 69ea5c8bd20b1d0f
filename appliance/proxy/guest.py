"""Who sends the requests of one connection: by a ticket, by a password, or by the device it comes from.

May live here: which of these are taken on which way in (K06, K20, K21). May not: how each is checked (``negotiate``,
``sign_in``, ``session.by_address``), what somebody may do (``session``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from appliance.daemon.http_head import RequestHead
from appliance.proxy.addresses import is_loopback
from appliance.proxy.negotiate import Negotiation, Tickets
from appliance.proxy.replies import Cause, Challenges, Refused, told
from appliance.proxy.sign_in import SignIn
from appliance.session.by_address import Devices, nobody
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn

FIELD = "proxy-authorization"
"""The field that says who sends a request to a proxy (RFC 9110, 11.7.2)."""


class Way(Enum):
    """How a connection came: to the proxy through TLS or in clear, or on its way to a site (``CAUGHT``)."""

    TLS = auto()
    PLAIN = auto()
    CAUGHT = auto()


@dataclass(slots=True)
class Reception:
    """Who knows whom, for all connections of a worker."""

    sign_in: SignIn
    tickets: Tickets
    devices: Devices


class Guests:
    """For a connection by ``way`` from the IP ``address``; a password is taken where it cannot be overheard."""

    __slots__ = ("_address", "_mark", "_negotiation", "_nobody", "_passwords", "_reception", "_shown", "_way")

    def __init__(self, reception: Reception, address: str, way: Way) -> None:
        self._reception = reception
        self._address = address
        self._way = way
        self._passwords = way is Way.TLS or (way is Way.PLAIN and is_loopback(address))
        self._negotiation: Negotiation | None = None
        self._nobody: SignedIn | None = None
        # Python's own hash under a key of this process: who could find two alike has shown the right password here.
        self._shown = 0
        self._mark = b""

    @property
    def challenges(self) -> Challenges:
        """What to ask for (RFC 9110, 11.7.1)."""
        negotiation = self._negotiation
        token = (negotiation.token if negotiation else "") if self._reception.tickets.acceptor.ready else None
        return Challenges(token, self._passwords)

    @property
    def by_password(self) -> bool:
        """Whether a password says who it is: it may be sent this way, and no ticket was shown."""
        return self._passwords and self._negotiation is None

    def known(self, head: RequestHead) -> SignedIn | Refused | None:
        """Say who sends ``head``, or why nobody may; ``None``: auth has to be asked."""
        if self._way is Way.CAUGHT:
            return self.by_address()
        given = head.near.get(FIELD, ())
        if self._negotiation is not None or (given and given[0][:9].lower() == "negotiate"):
            self._negotiation = self._negotiation or Negotiation(self._reception.tickets, self._address)
            found = self._negotiation.who(given)
            if found is not None:
                return _said(found)
        if not self._passwords:
            return self._in_clear(bool(given))
        if len(given) != 1:
            return _said(Obstacle(Hitch.WRONG_PASSWORD))
        shown = hash(given)
        if shown != self._shown:
            self._shown, self._mark = shown, self._reception.sign_in.mark(given[0].encode())
        return self._reception.sign_in.remembered(self._mark)

    @property
    def mark(self) -> bytes:
        """What the password that came last is remembered by, without telling it; empty: it was none."""
        return self._mark if self.by_password else b""

    def remembered(self, mark: bytes) -> SignedIn | None:
        """Say whose password has this ``mark``, if that is remembered still."""
        return self._reception.sign_in.remembered(mark)

    async def asked(self, head: RequestHead) -> SignedIn | Refused:
        """Say who sends ``head``, or why nobody, after auth was asked."""
        return _said(await self._reception.sign_in.who(head.near.get(FIELD, ()), self._address))

    def by_address(self) -> SignedIn | Refused:
        """Say whose device it is, which may be nobody's."""
        found = self._reception.devices.arrive(self._address)
        if found is not None:
            return _said(found)
        if self._nobody is None:
            self._nobody = nobody(self._reception.devices.now())
        return self._nobody

    def _in_clear(self, given: bool) -> SignedIn | Refused:
        """Who has a device is known by it; others show a ticket. No password is asked for or taken (K06)."""
        found = self._reception.devices.arrive(self._address)
        if found is not None:
            return _said(found)
        return Refused(Cause.SIGN_IN if self._reception.tickets.acceptor.ready and not given else Cause.IN_CLEAR)


def _said(found: SignedIn | Obstacle) -> SignedIn | Refused:
    return told(found, upload=False) if isinstance(found, Obstacle) else found
