"""Whom the recipients of a message are, groups expanded, each once.

May live here: gathering and counting them while they are named. May not: whom an address means (``policy.reach``), how
many are too many (``many``), whose box is full (``boxes``). A group may be the whole school and be named again and
again, so nobody is counted anew for the next recipient.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.mail.envelope import Asked
from appliance.mail.party import OutsideRecipient
from appliance.policy.reach import Reached


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT: ``address`` as given, what is ``asked`` to be told of it, and whom it ``reached``."""

    address: str
    asked: Asked
    reached: Reached


class Recipients:
    """The recipients of one message: as ``named``, and by it the mailboxes of ``logins`` and whoever is ``outside``."""

    def __init__(self) -> None:
        self.named: list[Recipient] = []
        self.logins: dict[str, None] = {}
        self.outside: dict[str, OutsideRecipient] = {}

    def count_with(self, reached: Reached) -> int:
        """Give how many people and addresses they are with those ``reached``."""
        more = sum(login not in self.logins for login in reached.logins)
        more += reached.outside is not None and reached.outside not in self.outside
        return len(self.logins) + len(self.outside) + more

    def add(self, recipient: Recipient) -> None:
        """Take ``recipient`` in."""
        self.named.append(recipient)
        self.logins.update(dict.fromkeys(recipient.reached.logins))
        outside = recipient.reached.outside
        if outside is not None:
            self.outside[outside] = OutsideRecipient(outside, recipient.asked)
