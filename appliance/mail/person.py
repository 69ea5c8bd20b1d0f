"""Somebody signed in, as a party: writes as himself or as a group of his, to whom the rules let him.

May live here: what the rules say of an account that sends. May not: how it signed in, SMTP, the disk.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.mail.addresses import plain, sender_problem
from appliance.mail.head import Field
from appliance.mail.house import House
from appliance.mail.many import Counted
from appliance.mail.rewrite import stored_head
from appliance.policy.decision import Allow, Reason, Rule
from appliance.policy.mailboxes import writes_as
from appliance.policy.reach import Reached, Refused, from_person
from appliance.policy.request import Action
from appliance.session.obstacle import Obstacle
from appliance.session.visit import Visit

_OWN = Rule("built-in K09", "sender, From, Sender and Reply-To are addresses that the account may write as")
_NO_SNAPSHOT = Rule("state snapshot", "who may do what is not known yet")


class Person:
    """Who made the ``visit``; a :class:`appliance.mail.party.Party`."""

    def __init__(self, house: House, visit: Visit) -> None:
        self._house = house
        self._visit = visit

    @property
    def login(self) -> str:
        """Who he is."""
        return self._visit.who.login

    @property
    def address(self) -> str:
        """His own address; empty before there is a snapshot."""
        snapshot = self._house.snapshot()
        return "" if snapshot is None else f"{self.login}@{snapshot.domain}"

    @property
    def hidden(self) -> bool:
        """Whether it is the server's own hidden account."""
        account = self._house.account(self.login)
        return account is not None and account.hidden

    @property
    def counted(self) -> Counted | None:
        """Within which bounds he writes, as his role has them."""
        snapshot, account = self._house.snapshot(), self._house.account(self.login)
        bounds = None if snapshot is None or account is None else snapshot.mail.bounds(account)
        if bounds is None or account is None:
            return None
        return Counted(bounds, account.uid, self._house.hours, self._house.weights)

    def may(self, size: int | None) -> Allow | Obstacle:
        """Say whether he may send now."""
        return self._visit.ask(Action.SEND, size=size)

    def sends_as(self, address: str) -> bool:
        """Say whether ``address`` is his own, or that of a group for which he may speak."""
        return plain(address) in self._names()

    def head(self, fields: tuple[Field, ...]) -> bytes | Reason:
        """Judge whom the head names as its sender; the names shown become the roster's."""
        names = self._names()
        reason = sender_problem(fields, names)
        return stored_head(fields, names, None if self.hidden else self.address) if reason is None else reason

    @property
    def voice(self) -> Rule:
        """What says as whom he writes."""
        return _OWN

    def reach(self, address: str) -> Reached | Refused:
        """Say what ``address`` means when he writes to it."""
        snapshot = self._house.snapshot()
        if snapshot is None:
            return Refused(Reason.NOT_OPEN, _NO_SNAPSHOT)
        return from_person(snapshot, self.login, address)

    def _names(self) -> Mapping[str, str]:
        """Give the addresses that he may write as, each with the name that is shown with it."""
        snapshot, account = self._house.snapshot(), self._house.account(self.login)
        return {} if snapshot is None or account is None else writes_as(snapshot, account)
