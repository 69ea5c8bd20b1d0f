"""What all mail sessions of a worker share.

May live here: the seams to what counts and checks. May not: a session, a rule, a protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.mail.many import Hours
from appliance.session import house
from appliance.session.replies import Translate


class Ledger(Protocol):
    """Counts the space of accounts (K11): :class:`appliance.mail.space.Space`."""

    def of(self, uid: int) -> int:
        """Give the bytes of mail and files of an account."""
        ...

    def add(self, uid: int, amount: int) -> None:
        """Note bytes that were stored for an account."""
        ...


class Spooled(Protocol):
    """Counts what waits to go outside: :class:`appliance.mail.outside.backlog.Backlog`."""

    def refuses(self, more: int) -> bool:
        """Whether there is no room for so many bytes."""
        ...

    def take(self, amount: int) -> None:
        """Note bytes that go there, or (below 0) do not after all."""
        ...

    def placed(self, amount: int) -> None:
        """Note that of those bytes so many are there now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class House(house.House):
    """``recipients_max``: recipients that one message may name; ``device_hours`` count those of devices.

    ``hours`` count recipients, ``weights`` KiB.
    """

    checker: house.Checker
    space: Ledger
    spool: Spooled
    hours: Hours
    weights: Hours
    device_hours: Hours
    device_weights: Hours
    translate: Translate
    recipients_max: int
