"""What a browser is told: a table from cause to status and text.

May live here: statuses and texts. May not: when which is given, the page that carries it (``page``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.replies import ACCOUNT_TEXTS
from appliance.session.replies import mark as _


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
    LESSON = Reason.LESSON.value
    EXAM = Reason.EXAM.value
    PASSWORD_CHANGED = Hitch.PASSWORD_CHANGED.value
    TOO_LARGE = Reason.TOO_LARGE.value
    UPLOAD_TOO_LARGE = "upload-too-large"
    SPENT = "spent"
    CATEGORY = Reason.CLOSED_CATEGORY.value
    SITE = Reason.CLOSED_SITE.value
    PORT = Reason.CLOSED_PORT.value
    OTHER_NAME = Reason.OTHER_NAME.value
    NO_NAME = Reason.NO_NAME.value
    INSIDE = Reason.INSIDE.value
    SEARCH_CHANGED = Reason.SEARCH_CHANGED.value
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
    Cause.LESSON: (403, _("The internet is switched off in this room for now.")),
    Cause.EXAM: (403, _("During an exam only the sites that belong to it are open.")),
    Cause.PASSWORD_CHANGED: (403, _("The password was changed. Please sign in with the new one.")),
    Cause.TOO_LARGE: (403, _("This file is larger than you may download.")),
    Cause.UPLOAD_TOO_LARGE: (413, _("This file is larger than you may upload.")),
    Cause.SPENT: (403, _("You have exchanged as much with this site as one may; there is room in {minutes} min.")),
    Cause.CATEGORY: (403, _("This site belongs to a category that is closed to you.")),
    Cause.SITE: (403, _("This site is not open to you here and now.")),
    Cause.PORT: (403, _("Only the usual ports of the web are open.")),
    Cause.OTHER_NAME: (403, _("The connection was for another site than it was asked for.")),
    Cause.NO_NAME: (403, _("The connection does not say which site it is for.")),
    Cause.INSIDE: (403, _("Machines inside the school are not reached this way.")),
    Cause.SEARCH_CHANGED: (403, _("What holds for safe search has changed. Please load the page again.")),
    Cause.NO_SUCH_HOST: (502, _("There is no site of this name.")),
    Cause.NO_NAMES: (504, _("Names of sites cannot be looked up at the moment. Please try again later.")),
    Cause.NO_CONNECTION: (502, _("The site cannot be reached.")),
    Cause.BAD_ANSWER: (502, _("The site did not answer properly.")),
    Cause.SLOW_ANSWER: (504, _("The site did not answer in time.")),
}
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


def status_and_text(cause: Cause) -> tuple[int, str]:
    """Give the status and the English text for ``cause``; ``{minutes}`` in it is when to come again."""
    return _TABLE[cause]
