"""What a person reads in a report about a message, in German and English (gettext).

May live here: words, and which of them fit a status (RFC 3463). May not: the parts of a report (``reports``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from appliance.session.replies import mark as _


class Action(StrEnum):
    """What became of a message at one recipient (RFC 3464 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"


SUBJECTS: Final[Mapping[Action, str]] = {
    Action.FAILED: _("Not delivered"),
    Action.DELAYED: _("Delayed"),
    Action.DELIVERED: _("Delivered"),
    Action.RELAYED: _("Handed on"),
}
SENTENCES: Final[Mapping[Action, str]] = {
    Action.FAILED: _("Your message could not be delivered to:"),
    Action.DELAYED: _("Your message could not be delivered yet. It is tried again; please do not send it again:"),
    Action.DELIVERED: _("Your message lies in the mailbox of:"),
    Action.RELAYED: _("Your message was handed to a mail server outside of the school, which may not tell more, for:"),
}
GREETING: Final = _("This is a report of the mail server of {domain}.")
SUBJECT: Final = _("Subject of your message: {subject}")
UNTIL: Final = _("It is tried until {until}.")
REMOTE: Final = _("The other mail server said: {said}")
ASK: Final = _("If you do not know what to do, ask the school's administrators (postmaster@{domain}).")

_REASONS: Final[Mapping[str, str]] = {
    "1.1": _("There is no such address."),
    "1.2": _("The domain of this address does not exist or takes no mail."),
    "1.10": _("The domain of this address does not exist or takes no mail."),
    "2.1": _("This account takes no mail."),
    "2.2": _("The mailbox is full."),
    "2.3": _("The message is too large."),
    "3.4": _("The message is too large."),
    "4.1": _("The other mail server does not answer."),
    "4.4": _("The other mail server does not answer."),
    "4.7": _("It was tried for as long as is usual, without success."),
    "7.0": _("The school's administrators have stopped this message."),
    "7.1": _("The other mail server does not take this message."),
    "7.2": _("You may not send mail to this address, or not any more."),
    "6.3": _("The other mail server cannot take such a message."),
    "6.7": _("The other mail server cannot take such a message."),
    "7.5": _("The way to the other mail server is not safe at the moment."),
}
_OURS: Final = frozenset({"7.0", "7.2"})
_OTHERWISE: Final = {
    "4": _("The other mail server cannot take this message at the moment."),
    "5": _("The message is not taken there."),
}


def reason(status: str, ours: bool) -> str | None:
    """Give the sentence (English) for an enhanced ``status`` such as ``5.1.1``; ``None`` for success.

    ``ours``: it is our own; other servers mean something else by some.
    """
    kind, _dot, rest = status.partition(".")
    if kind not in _OTHERWISE:
        return None
    return _REASONS.get(rest, _OTHERWISE[kind]) if ours or rest not in _OURS else _OTHERWISE[kind]


def texts() -> frozenset[str]:
    """Give every text of this module, as the catalog must have it."""
    single = {GREETING, SUBJECT, UNTIL, REMOTE, ASK}
    return frozenset(single.union(SUBJECTS.values(), SENTENCES.values(), _REASONS.values(), _OTHERWISE.values()))
