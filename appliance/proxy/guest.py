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
from appliance.session.obstacle import Obstacle
from appliance.session.signed_in import SignedIn

_FIELD = "proxy-authorization"


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

    __slots__ = ("_address", "_negotiation", "_nobody", "_passwords", "_reception", "_way")

    def __init__(self, reception: Reception, address: str, way: Way) -> None:
        self._reception = reception
        self._address = address
        self._way = way
        self._passwords = way is Way.TLS or (way is Way.PLAIN and is_loopback(address))
        self._negotiation: Negotiation | None = None
        self._nobody: SignedIn | None = None

    @property
    def challenges(self) -> Challenges:
        """What to ask for (RFC 9110, 11.7.1)."""
        negotiation = self._negotiation
        token = (negotiation.token if negotiation else "") if self._reception.tickets.acceptor.ready else None
        return Challenges(token, self._passwords)

    def known(self, head: RequestHead) -> SignedIn | Refused | None:
        """Say who sends ``head``, or why nobody may; ``None``: auth has to be asked."""
        if self._way is Way.CAUGHT:
            return self.by_address()
        given = head.near.get(_FIELD, ())
        if self._negotiation is not None or (given and given[0][:9].lower() == "negotiate"):
            self._negotiation = self._negotiation or Negotiation(self._reception.tickets, self._address)
            found = self._negotiation.who(given)
            if found is not None:
                return _said(found)
        if not self._passwords:
            return self._in_clear(bool(given))
        known = self._reception.sign_in.known(given)
        return None if known is None else _said(known)

    async def asked(self, head: RequestHead) -> SignedIn | Refused:
        """Say who sends ``head``, or why nobody, after auth was asked."""
        return _said(await self._reception.sign_in.who(head.near.get(_FIELD, ()), self._address))

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
