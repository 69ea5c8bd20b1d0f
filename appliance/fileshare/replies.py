"""What a file program is told: a table from reason to reply code (RFC 959, 4.2) and text.

May live here: codes and texts. May not: when which is given. Texts are short, blame nobody and name nobody; a refusal
ends with the code that ``schoolserver why`` resolves. They are UTF-8 on the wire (RFC 2640).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.replies import ACCOUNT_TEXTS, Column, Translate
from appliance.session.replies import mark as _


class Stage(StrEnum):
    """Where in a conversation something is refused; the same reason has another code there."""

    SIGN_IN = "sign-in"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    OPEN_SESSION = "open-session"


class Notice(StrEnum):
    """What is said that is no refusal by the policy; the value is the whole reply but for what is filled in."""

    WELCOME = _("220 School server ready. Please encrypt (AUTH TLS), then sign in.")
    ENCRYPT_FIRST = _("530 Nothing is taken in clear text. Please encrypt first (AUTH TLS).")
    ENCRYPTED_ALREADY = _("503 The connection is encrypted already.")
    ONLY_TLS = _("504 Only TLS is spoken here.")
    ENCRYPTING = _("234 Please begin with TLS.")
    PROTECT_FIRST = _("521 Files travel encrypted only. Please send PROT P first.")
    ONLY_PRIVATE = _("536 Files travel encrypted only (PROT P).")
    PROTECTED = _("200 Files travel encrypted.")
    BUFFER_SIZE = _("200 PBSZ=0")
    SIGNED_IN = _("230 You are signed in.")
    SIGNED_IN_ALREADY = _("503 You are signed in already; please QUIT first.")
    NAME_FIRST = _("503 Please say who you are first (USER).")
    WRONG_PASSWORD = _("530 Login or password are wrong.")
    TOO_MANY_SIGN_INS = _("421 These were too many attempts to sign in. Good bye.")
    SIGN_IN_LATER = _("421 Signing in does not work at the moment. Please try again later.")
    LATER = _("450 This does not work at the moment. Please try again later.")
    FULL = _("452 The server has no room for this at the moment. Please try again later.")
    MOVING = _("450 One file at a time, please.")
    NO_CONNECTION = _("425 No connection came for the file.")
    ASK_FIRST = _("425 Please ask for a connection for the file first (EPSV or PASV).")
    NO_PORT = _("425 There is no room for another file at the moment. Please try again later.")
    NOT_RESUMED = _("522 Files travel only with the TLS session of this connection.")
    ABORTED = _("426 The connection ended before the file did; nothing of it was kept.")
    BROKEN_OFF = _("426 The connection ended before the file did; what came can be resumed for a day.")
    NOT_LISTED = _("451 The folder could not be read to its end.")
    NO_FOLDER = _("501 There is no such folder.")
    LIST_INSTEAD = _("504 Please list folders with MLSD or LIST.")
    STORED = _("226 The file is stored.")
    NOT_STORED = _("451 The file could not be stored; the administrator can see why.")
    BAD_OFFSET = _("554 The file is not that long.")
    TRANSFER_READY = _("150 Ready for the file.")
    TYPE_NOTED = _("200 Noted; files travel byte by byte in any case.")
    BAD_COMMAND = _("501 This command cannot be read.")
    TOO_LONG = _("500 This command is too long.")
    LANGUAGE = _("200 English is spoken from now on.")
    NO_LANGUAGE = _("504 This language is not spoken here.")
    IDLE = _("421 Nothing was heard for too long. Good bye.")
    STOPPING = _("421 The service is being restarted. Please try again in a moment.")
    PASSWORD_CHANGED = _("421 The password was changed. Please sign in with the new one.")
    TOO_MANY_SESSIONS = _("421 You are signed in too many times. Please close other file programs first.")
    TOO_MANY_CONNECTIONS = _("421 There are too many connections from your device. Please try again later.")


_TEXTS: Mapping[Reason, str] = {
    **ACCOUNT_TEXTS,
    Reason.CONSENT_MISSING: _("Files need a consent that is missing."),
    Reason.NOT_OPEN: _("Files are not open to you here and now."),
    Reason.EXAM: _("The folders of groups are closed during an exam."),
    Reason.TOO_LARGE: _("The file is too large."),
    Reason.OVER_QUOTA: _("There is not enough of your disk space left for this file."),
}
_HITCHES: Mapping[Hitch, str] = {
    Hitch.WRONG_PASSWORD: Notice.WRONG_PASSWORD,
    Hitch.LATER: Notice.LATER,
    Hitch.PASSWORD_CHANGED: Notice.PASSWORD_CHANGED,
}
_STAGES: Mapping[Stage, Column] = {
    Stage.SIGN_IN: Column("530", _TEXTS, {**_HITCHES, Hitch.LATER: Notice.SIGN_IN_LATER}),
    Stage.UPLOAD: Column("550", _TEXTS, _HITCHES, {Reason.TOO_LARGE: "552", Reason.OVER_QUOTA: "552"}),
    Stage.DOWNLOAD: Column("550", _TEXTS, _HITCHES),
    Stage.OPEN_SESSION: Column("421", _TEXTS, _HITCHES),
}


def told(stage: Stage, obstacle: Obstacle, translate: Translate) -> str:
    """Give the reply line (without CRLF) that tells at ``stage`` what stands against it."""
    return _STAGES[stage].line(obstacle, translate)


def notice(which: Notice, translate: Translate) -> str:
    """Give the reply line (without CRLF) of ``which``."""
    return translate(which.value)
