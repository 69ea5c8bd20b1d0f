"""What a browser is told: a table from cause to status and text, and the page that carries it.

May live here: statuses and texts. May not: when which is given. A page names no person and no list entry; a refusal
carries the code that ``schoolserver why`` resolves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from http import HTTPStatus
from math import ceil

from appliance.daemon.texts import translator
from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.replies import ACCOUNT_TEXTS, Translate
from appliance.session.replies import mark as _

REALM = "Schoolserver"


class Cause(StrEnum):
    """Why something is not served; those that policy and sign-in know have the names of their reasons and hitches."""

    MALFORMED = Reason.MALFORMED.value
    HEAD_TOO_LONG = "head-too-long"
    TARGET_TOO_LONG = "target-too-long"
    VERSION = "version"
    UNSUPPORTED = "unsupported"
    SIGN_IN = Hitch.WRONG_PASSWORD.value
    IN_CLEAR = "in-clear"
    LATER = Hitch.LATER.value
    TOO_MANY = "too-many"
    UNKNOWN_ACCOUNT = Reason.UNKNOWN_ACCOUNT.value
    DISABLED = Reason.DISABLED.value
    LOCKED = Reason.LOCKED.value
    MUST_CHANGE = Reason.MUST_CHANGE.value
    OWNER_CHANGED = Reason.OWNER_CHANGED.value
    CONSENT_MISSING = Reason.CONSENT_MISSING.value
    NOT_OPEN = Reason.NOT_OPEN.value
    PASSWORD_CHANGED = Hitch.PASSWORD_CHANGED.value
    TOO_LARGE = Reason.TOO_LARGE.value
    UPLOAD_TOO_LARGE = "upload-too-large"
    SPENT = "spent"
    CATEGORY = Reason.CLOSED_CATEGORY.value
    PORT = Reason.CLOSED_PORT.value
    OTHER_NAME = Reason.OTHER_NAME.value
    NO_NAME = Reason.NO_NAME.value
    INSIDE = Reason.INSIDE.value
    NO_SUCH_HOST = "no-such-host"
    NO_NAMES = "no-names"
    NO_CONNECTION = "no-connection"
    BAD_ANSWER = "bad-answer"
    SLOW_ANSWER = "slow-answer"


@dataclass(frozen=True, slots=True)
class Refused:
    """What is not served: ``cause``, the ``code`` of the recorded refusal if there is one, when to come again (s)."""

    cause: Cause
    code: str | None = None
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Challenges:
    """What a 407 asks for: a ticket, if ``token`` is one (often empty) and not ``None`` (RFC 4559), a ``password``."""

    token: str | None = None
    password: bool = True


_TABLE: Mapping[Cause, tuple[int, str]] = {
    Cause.MALFORMED: (400, _("The request is not well formed.")),
    Cause.HEAD_TOO_LONG: (431, _("The head of the request is too long.")),
    Cause.TARGET_TOO_LONG: (414, _("The address is too long.")),
    Cause.VERSION: (505, _("This version of HTTP is not spoken here.")),
    Cause.UNSUPPORTED: (501, _("This kind of request is not passed on.")),
    Cause.SIGN_IN: (407, _("Please sign in with your school account.")),
    Cause.IN_CLEAR: (403, _("From other machines, please use the proxy's encrypted port.")),
    Cause.LATER: (503, _("This does not work at the moment. Please try again later.")),
    Cause.TOO_MANY: (503, _("There are too many connections from your device. Please try again later.")),
    **{Cause(reason.value): (403, text) for reason, text in ACCOUNT_TEXTS.items()},
    Cause.OWNER_CHANGED: (403, _("Whose device this is has changed. Please load the page again.")),
    Cause.CONSENT_MISSING: (403, _("The internet needs a consent that is missing.")),
    Cause.NOT_OPEN: (403, _("This is not open to you here and now.")),
    Cause.PASSWORD_CHANGED: (403, _("The password was changed. Please sign in with the new one.")),
    Cause.TOO_LARGE: (403, _("This file is larger than you may download.")),
    Cause.UPLOAD_TOO_LARGE: (413, _("This file is larger than you may upload.")),
    Cause.SPENT: (403, _("You have exchanged as much with this site as one may; there is room in {minutes} min.")),
    Cause.CATEGORY: (403, _("This site belongs to a category that is closed to you.")),
    Cause.PORT: (403, _("Only the usual ports of the web are open.")),
    Cause.OTHER_NAME: (403, _("The connection was for another site than it was asked for.")),
    Cause.NO_NAME: (403, _("The connection does not say which site it is for.")),
    Cause.INSIDE: (403, _("Machines inside the school are not reached this way.")),
    Cause.NO_SUCH_HOST: (502, _("There is no site of this name.")),
    Cause.NO_NAMES: (504, _("Names of sites cannot be looked up at the moment. Please try again later.")),
    Cause.NO_CONNECTION: (502, _("The site cannot be reached.")),
    Cause.BAD_ANSWER: (502, _("The site did not answer properly.")),
    Cause.SLOW_ANSWER: (504, _("The site did not answer in time.")),
}
_USUAL = Challenges()
_OF_STATUS = {431: Cause.HEAD_TOO_LONG, 414: Cause.TARGET_TOO_LONG, 505: Cause.VERSION, 501: Cause.UNSUPPORTED}


def told(obstacle: Obstacle, upload: bool) -> Refused:
    """Give what to tell of ``obstacle``; ``upload``: it stood against bytes to the site.

    What is too large now and will not be later is the sum of a window.
    """
    cause = Cause(obstacle.why.value)
    if cause is Cause.TOO_LARGE and obstacle.retry_after:
        cause = Cause.SPENT
    elif cause is Cause.TOO_LARGE and upload:
        cause = Cause.UPLOAD_TOO_LARGE
    return Refused(cause, obstacle.code, obstacle.retry_after)


def cause_of_status(status: int) -> Cause:
    """Give the cause for the status of a head that cannot be served."""
    return _OF_STATUS.get(status, Cause.MALFORMED)


def page(refused: Refused, language: str, keep: bool, bodiless: bool = False, challenges: Challenges = _USUAL) -> bytes:
    """Write the whole response that says ``refused``; ``keep``: the connection stays open; ``bodiless``: for HEAD."""
    status, text = _TABLE[refused.cause]
    translate = translator(language)
    text = translate(text).replace("{minutes}", str(max(1, ceil(refused.retry_after / 60))))
    body = _html(language, text, translate, refused.code).encode()
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Language: {language}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Via: 1.1 schoolserver",
    ]
    if status == 407 and challenges.token is not None:
        head.append(f"Proxy-Authenticate: Negotiate {challenges.token}".rstrip())
    if status == 407 and challenges.password:
        head.append(f'Proxy-Authenticate: Basic realm="{REALM}", charset="UTF-8"')
    if refused.retry_after > 0:
        head.append(f"Retry-After: {ceil(refused.retry_after)}")
    if not keep:
        head.append("Connection: close")
    return "\r\n".join([*head, "", ""]).encode("ascii") + (b"" if bodiless else body)


def _html(language: str, text: str, translate: Translate, code: str | None) -> str:
    title = escape(translate(_("The school's proxy")))
    told = f"<p>{escape(translate(_('Whoever looks after the server can say more with this code:')))} <b>{code}</b></p>"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><h1>{title}</h1><p>{escape(text)}</p>{told if code else ''}</body></html>\n"
    )
