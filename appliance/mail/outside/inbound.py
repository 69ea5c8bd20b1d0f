"""Who brings mail from outside: the smarthost or a listed MX, known by its address, as a party (K08, K10).

May live here: what the rules say of such a message. May not: SMTP, what a scanner says (``scan``), the disk. It hands
in for strangers, so it writes to those whose role gets mail from outside, never back outside, and nothing that looks as
if it came from the school.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from appliance.daemon.options_network import Network
from appliance.mail.head import Field, Malformed, as_text
from appliance.mail.house import House
from appliance.mail.outside.shown import Ambiguous, readings
from appliance.policy.account import Service
from appliance.policy.decision import Allow, Reason, Rule
from appliance.policy.limits import largest_size
from appliance.policy.mail_address import split
from appliance.policy.reach import Reached, Refused, from_outside
from appliance.policy.request import Action
from appliance.session.obstacle import Hitch, Obstacle

HOPS = 50
"""More Received lines than this are a loop (RFC 5321 6.3)."""

_MOST = 4000  # bytes of all who are named as senders: the loop reads them, and others wait
_RELAY = Rule("mail.yaml outside.relays", "mail from outside is taken from this address")
_NO_SNAPSHOT = Rule("state snapshot", "who may do what is not known yet")
_SENDERS = frozenset({"from", "sender", "resent-from", "resent-sender"})
# Ours to say, as they tell where a message came from or that it is ours.
_DROPPED = frozenset({"delivered-to", "return-path", "x-original-to", "x-school-seal"})


def relay_at(house: House, relays: tuple[Network, ...], address: str) -> Relay | None:
    """Give the relay that hands in from ``address`` (an IP as text), if mail from outside is taken from there."""
    try:
        read = ip_address(address)
    except ValueError:
        return None
    return Relay(house) if any(read.version == each.version and read in each for each in relays) else None


class Relay:
    """A relay; a :class:`appliance.mail.party.Party`."""

    login = ""
    address = ""
    hidden = False
    counted = None
    voice = Rule("built-in K08", "mail from outside names nobody of the school as its sender")

    def __init__(self, house: House) -> None:
        self._house = house

    def may(self, size: int | None) -> Allow | Obstacle:
        """Say whether it may send now; the limits are the widest of the school, as the readers are not known."""
        snapshot = self._house.snapshot()
        if snapshot is None:
            return Obstacle(Hitch.LATER)
        limits = snapshot.limits.largest()
        if size is not None and size > largest_size(snapshot.limits, limits, Service.MAIL, Action.SEND):
            return self._house.refuse(Service.MAIL, Reason.TOO_LARGE, _RELAY)
        return Allow(_RELAY, limits)

    def sends_as(self, address: str) -> bool:
        """Say whether ``address`` is nobody of the school; that of a report is empty."""
        return address == "" or (split(address) is not None and not self._of_the_school(address))

    def head(self, fields: tuple[Field, ...]) -> bytes | Reason:
        """Give the head as it came, if it has one From, which names nobody of the school, neither in what it shows."""
        names = [field.name for field in fields]
        if names.count("from") != 1:
            return Reason.MALFORMED
        if names.count("received") > HOPS:
            return Reason.LOOP
        senders = [field.value for field in fields if field.name in _SENDERS]
        if sum(map(len, senders)) > _MOST or b"@" not in next(field.value for field in fields if field.name == "from"):
            return Reason.MALFORMED
        try:
            if any(self._of_the_school(reading) for value in senders for reading in readings(value)):
                return Reason.FOREIGN_SENDER
        except Malformed:
            return Reason.MALFORMED
        except Ambiguous:
            return Reason.FOREIGN_SENDER
        return b"".join(field.raw + b"\r\n" for field in fields if not self._is_ours(field)) + b"\r\n"

    def reach(self, address: str) -> Reached | Refused:
        """Say what ``address`` means to somebody outside."""
        snapshot = self._house.snapshot()
        if snapshot is None:
            return Refused(Reason.NOT_OPEN, _NO_SNAPSHOT)
        return from_outside(snapshot, address)

    def _of_the_school(self, text: str) -> bool:
        """Whether an address of the school's domain, or of one below it, stands in ``text``."""
        snapshot = self._house.snapshot()
        domain = re.escape("" if snapshot is None else snapshot.domain)
        return re.search(rf"@(?:[a-z0-9-]+\.)*{domain}(?![a-z0-9-]|\.[a-z0-9])", text.lower(), re.ASCII) is not None

    def _is_ours(self, field: Field) -> bool:
        if field.name == "authentication-results":  # RFC 8601 5: only we say what we found
            snapshot = self._house.snapshot()
            return snapshot is None or snapshot.domain in as_text(field.value).lower()
        return field.name in _DROPPED
