"""Who hands in a message: somebody signed in, a device of the school, or the server that brings mail from outside.

May live here: what a session asks of whoever it is, and what comes of it. May not: any kind of party (``person``,
``device``, ``outside.inbound``), SMTP, the disk. A session knows no kind of party, so that each rule stands once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.mail.envelope import Asked
from appliance.mail.head import Field
from appliance.mail.many import Counted
from appliance.mail.reports import Report
from appliance.policy.decision import Allow, Reason, Rule
from appliance.policy.reach import Reached, Refused
from appliance.session.obstacle import Obstacle


class Party(Protocol):
    """Who hands in messages, as the newest snapshot has it.

    ``login``: who is charged and recorded, empty for a relay; ``address``: his own, for reports, empty for a relay;
    ``hidden``: whether it is the server's own probe, which comes every few seconds; ``counted``: how it is counted to
    how many he writes, ``None`` if it is not; ``voice``: the rule that says which senders are his.
    """

    @property
    def login(self) -> str: ...  # noqa: D102 - see above

    @property
    def address(self) -> str: ...  # noqa: D102 - see above

    @property
    def hidden(self) -> bool: ...  # noqa: D102 - see above

    @property
    def counted(self) -> Counted | None: ...  # noqa: D102 - see above

    @property
    def voice(self) -> Rule: ...  # noqa: D102 - see above

    def may(self, size: int | None) -> Allow | Obstacle:
        """Say whether he may send now, a message of ``size`` bytes; a refusal is recorded."""
        ...

    def sends_as(self, address: str) -> bool:
        """Say whether ``address`` may be the envelope's sender; that of a report is empty."""
        ...

    def head(self, fields: tuple[Field, ...]) -> bytes | Reason:
        """Give the head to store, with its empty line and true names, or why it is refused."""
        ...

    def reach(self, address: str) -> Reached | Refused:
        """Say what a recipient's address means when he writes to it."""
        ...


@dataclass(frozen=True, slots=True)
class OutsideRecipient:
    """An ``address`` outside the school, and what is ``asked`` to be told about it."""

    address: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class Delivery:
    """What must be on stable storage before a message is accepted.

    The message goes into the mailboxes of ``logins`` and, when there is anybody ``outside``, into the spool; each of
    ``reports`` into the mailbox of the login before it.
    """

    logins: tuple[str, ...] = ()
    outside: tuple[OutsideRecipient, ...] = ()
    reports: tuple[tuple[str, Report], ...] = ()
