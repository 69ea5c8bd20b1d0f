"""What a mail program is told: a table from reason to reply code, enhanced code (RFC 3463, RFC 5248) and text.

May live here: codes and texts. May not: when which is given. Texts are short, blame nobody, name no address and no
other account, and are ASCII on the wire; a refusal ends with the code that ``schoolserver why`` resolves.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from math import ceil

from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.replies import ACCOUNT_TEXTS, Column, Translate
from appliance.session.replies import mark as _


class Stage(StrEnum):
    """Where in a conversation something is refused; the same reason has another code there."""

    SIGN_IN = "sign-in"
    MESSAGE = "message"
    RECIPIENT = "recipient"
    OPEN_SESSION = "open-session"


class Notice(StrEnum):
    """What is said that is no refusal by the policy; the value is the whole reply but for what is filled in."""

    SIGNED_IN = _("235 2.7.0 You are signed in.")
    SENDER_FINE = _("250 2.1.0 The sender is fine.")
    RECIPIENT_FINE = _("250 2.1.5 The recipient is fine.")
    ACCEPTED = _("250 2.0.0 The message is stored as {id}.")
    WRONG_PASSWORD = _("535 5.7.8 Login or password are wrong.")
    NO_TICKET = _("535 5.7.8 This ticket is not taken. Please log on to the PC again.")
    OLD_TICKET = _("535 5.7.8 The password is newer than this ticket. Please log on to the PC again.")
    OTHER_IDENTITY = _("535 5.7.8 You can sign in as yourself only.")
    NOT_READABLE = _("501 5.5.2 This cannot be decoded.")
    ABORTED = _("501 5.7.0 Signing in was given up.")
    SIGN_IN_LATER = _("454 4.7.0 Signing in does not work at the moment. Please try again later.")
    LATER = _("451 4.3.0 This does not work at the moment. Please try again later.")
    NOT_SCANNED = _("451 4.7.1 The message cannot be looked through at the moment. Please try again later.")
    FULL = _("452 4.3.1 The server has no room for this at the moment. Please try again later.")
    TOO_MANY_RECIPIENTS = _("452 4.5.3 These are too many recipients for one message.")
    TOO_MANY_CONNECTIONS = _("421 4.7.0 There are too many connections. Please try again later.")
    BAD_LINE = _("421 4.5.2 Lines must be short and end with CR and LF. Good bye.")
    TOO_MANY_REFUSED = _("421 4.7.0 Too much was refused. Good bye.")
    IDLE = _("421 4.4.2 Nothing was heard for too long. Good bye.")
    TOO_SLOW = _("421 4.4.2 Signing in took too long. Good bye.")
    TOO_LONG = _("421 4.4.2 The message took too long. Good bye.")
    STOPPING = _("421 4.3.2 The service is being restarted. Please try again in a moment.")
    PASSWORD_CHANGED = _("421 4.7.0 The password was changed. Please sign in with the new one.")
    TALKS_FIRST = _("554 5.5.0 Please wait for the greeting. Good bye.")
    BEHIND_STARTTLS = _("554 5.5.0 Nothing may follow STARTTLS in clear. Good bye.")
    TLS_FIRST = _("530 5.7.0 Please begin TLS first.")
    SIGN_IN_FIRST = _("530 5.7.0 Please sign in first.")
    TLS_BEFORE_AUTH = _("538 5.7.11 Please begin TLS before you sign in.")
    BAD_SYNTAX = _("501 5.5.4 This command cannot be read.")
    BAD_ADDRESS = _("553 5.1.3 This address cannot be read.")
    BAD_LETTERS = _("553 5.6.7 An address with such letters needs SMTPUTF8.")
    UNKNOWN_PARAMETER = _("555 5.5.4 This command has no such parameter.")
    BAD_VALUE = _("501 5.5.4 A parameter of this command cannot be read.")
    ERROR = _("451 4.3.0 Something went wrong here; the administrator can see it. Please try again later.")


_TEXTS: Mapping[Reason, str] = {
    **ACCOUNT_TEXTS,
    Reason.CONSENT_MISSING: _("Mail needs a consent that is missing."),
    Reason.NOT_OPEN: _("Mail is not open to you here and now."),
    Reason.EXAM: _("Mail is closed during an exam."),
    Reason.FOREIGN_SENDER: _("You can send from your own address only."),
    Reason.OUTSIDE_RECIPIENT: _("Mail stays inside the school."),
    Reason.UNKNOWN_RECIPIENT: _("There is no such address in the school."),
    Reason.NO_ADDRESS: _("This is no address to which mail can be sent."),
    Reason.CLOSED_GROUP: _("You cannot write to this group."),
    Reason.TOO_MANY: _("These are more people than you can write to at once."),
    Reason.HOUR_FULL: _("You have written to as many people as one may in an hour; there is room in {minutes} min."),
    Reason.TOO_MUCH: _("The message is too large for so many people."),
    Reason.HOUR_SPENT: _("You have sent as much as one may in an hour; there is room in {minutes} min."),
    Reason.LOOP: _("The message has gone round through too many servers."),
    Reason.HARMFUL: _("Something harmful was found in the message."),
    Reason.TOO_LARGE: _("The message is too large."),
    Reason.OVER_QUOTA: _("The mailbox is full."),
    Reason.MALFORMED: _("The message is not well formed."),
}
_HITCHES: Mapping[Hitch, str] = {
    Hitch.WRONG_PASSWORD: Notice.WRONG_PASSWORD,
    Hitch.LATER: Notice.LATER,
    Hitch.PASSWORD_CHANGED: Notice.PASSWORD_CHANGED,
}
_SIGN_IN_HITCHES: Mapping[Hitch, str] = {
    Hitch.LATER: Notice.SIGN_IN_LATER,
    Hitch.PASSWORD_CHANGED: Notice.OLD_TICKET,
}
_SIGN_IN: Mapping[Reason, str] = {
    Reason.DISABLED: "535 5.7.13",
    Reason.LOCKED: "535 5.7.13",
    Reason.MUST_CHANGE: "535 5.7.12",
}
_MESSAGE: Mapping[Reason, str] = {
    Reason.UNKNOWN_RECIPIENT: "550 5.1.1",
    Reason.NO_ADDRESS: "550 5.1.3",
    Reason.TOO_LARGE: "552 5.3.4",
    Reason.OVER_QUOTA: "452 4.2.2",
    Reason.TOO_MANY: "550 5.5.3",
    Reason.HOUR_FULL: "452 4.5.3",
    Reason.TOO_MUCH: "552 5.3.4",
    Reason.HOUR_SPENT: "452 4.5.3",
    Reason.LOOP: "554 5.4.6",
    Reason.MALFORMED: "550 5.6.0",
}
_NO_MAILBOX: Mapping[Reason, str] = {
    **_TEXTS,
    Reason.NOT_OPEN: _("This account takes no mail."),
    Reason.TOO_LARGE: _("The message is larger than the whole mailbox."),
}
_OF_MAILBOX: Mapping[Reason, str] = {**_MESSAGE, Reason.NOT_OPEN: "550 5.2.1", Reason.TOO_LARGE: "552 5.2.2"}
_STAGES: Mapping[Stage, Column] = {
    Stage.SIGN_IN: Column("535 5.7.1", _TEXTS, {**_HITCHES, **_SIGN_IN_HITCHES}, _SIGN_IN),
    Stage.MESSAGE: Column("550 5.7.1", _TEXTS, _HITCHES, _MESSAGE),
    Stage.RECIPIENT: Column("550 5.7.1", _NO_MAILBOX, _HITCHES, _OF_MAILBOX),
    Stage.OPEN_SESSION: Column("421 4.7.0", _TEXTS, _HITCHES),
}

_ENHANCED: Mapping[str, str] = {
    "221": "2.0.0",
    "250": "2.0.0",
    "252": "2.5.0",
    "421": "4.7.0",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "530": "5.7.0",
    "538": "5.7.11",
    "550": "5.7.1",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.7.0",
    "555": "5.5.4",
}
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def told(stage: Stage, obstacle: Obstacle, translate: Translate) -> str:
    """Give the reply line (without CRLF) that tells at ``stage`` what stands against it."""
    line = _STAGES[stage].line(obstacle, translate)
    return ascii_only(line.replace("{minutes}", str(max(ceil(obstacle.retry_after / 60), 1))))


def notice(which: Notice, translate: Translate, **values: str) -> str:
    """Give the reply line (without CRLF) of ``which`` with ``values`` filled in."""
    return ascii_only(translate(which.value).format(**values)) if values else _plain(which, translate)


@lru_cache(maxsize=256)
def _plain(which: Notice, translate: Translate) -> str:
    """Give a line that is always the same: most lines are."""
    return ascii_only(translate(which.value).format())


def with_enhanced_code(line: str) -> str:
    """Give the reply ``line`` with an enhanced code when it has none and its kind should have one (RFC 2034)."""
    code, rest = line[:3], line[4:]
    if code not in _ENHANCED or line[3:4] != " " or rest[:2] in {"2.", "4.", "5."}:
        return line
    return f"{code} {_ENHANCED[code]} {rest}"


def ascii_only(text: str) -> str:
    """Write ``text`` without letters beyond ASCII, German ones as two letters; control characters are dropped."""
    if text.isascii() and text.isprintable():
        return text
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode("ascii")
    return "".join(character for character in plain if character.isprintable())
