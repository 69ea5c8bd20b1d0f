"""The closed list of what may be recorded about use (K14, K36), and nothing else may be.

May live here: the kinds of events and their fields. May not: sealing, files, sockets. ``refused`` names no person: it
is what a refusal's code resolves to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from appliance.policy import codes
from appliance.policy.account import Consent, Service
from appliance.policy.decision import Reason
from appliance.policy.lessons import Measure

_Value = str | int | tuple[str, ...] | None

_LONGEST_TEXT = 1_000
_MOST_TEXTS = 1_000
_LONGEST_EVENT = 65_536
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Kind(StrEnum):
    """What happened."""

    SIGN_IN = "sign-in"
    REFUSED = "refused"
    MAIL_ACCEPTED = "mail-accepted"
    MAIL_LEFT = "mail-left"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password-reset"  # noqa: S105 - the name of an event
    IMPORT_APPLIED = "import-applied"
    ACCOUNT_CREATED = "account-created"
    ACCOUNT_REMOVED = "account-removed"
    CONSENT_GIVEN = "consent-given"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    SETTINGS_CHANGED = "settings-changed"
    SESSION_ENDED = "session-ended"
    RESTORED = "restored"
    BACKUP_FORGET = "backup-forget"
    FILE_STORED = "file-stored"
    FILE_FETCHED = "file-fetched"
    FILE_REMOVED = "file-removed"
    WEB_USED = "web-used"
    LIMIT_ALLOWED = "limit-allowed"
    LIMIT_REVOKED = "limit-revoked"
    QUOTA_SET = "quota-set"
    FOLDER_GIVEN = "folder-given"
    FOLDER_DELETED = "folder-deleted"
    VERSIONS_DELETED = "versions-deleted"
    DEVICE_BOUND = "device-bound"
    DEVICE_RELEASED = "device-released"
    LESSON_BEGUN = "lesson-begun"
    LESSON_ENDED = "lesson-ended"


@dataclass(frozen=True, slots=True)
class Event:
    """``kind`` happened at ``time`` (aware, kept in UTC); :func:`validate` lists the ``fields`` of each kind."""

    kind: Kind
    time: datetime
    fields: Mapping[str, _Value]

    def __post_init__(self) -> None:
        if self.time.tzinfo is not None and self.time.tzinfo is not UTC:
            object.__setattr__(self, "time", self.time.astimezone(UTC))


class WrongEvent(ValueError):
    """The event is not one of the closed list; the text names kind and field but no value."""


def validate(event: Event) -> None:
    """Raise :class:`WrongEvent` unless ``event`` has just the fields of its kind, each of the right type.

    sign-in: service, login, address (IP or null), outcome (verified, refused, must-change, denied, try-later), way
    (ticket, address: of a device that is his; null: password).
    refused: code, service, reason, source and text of the rule.
    mail-accepted: login (empty: handed in from outside), sender (of the envelope; null: the account's own address),
    recipients, size (bytes), message_id; a message to many is recorded in parts.
    mail-left: login, message_id (of mail-accepted), recipients (outside of the school), outcome (sent: the smarthost
    has it; failed: nobody ever will), by and reason (of whoever stopped it, else null).
    locked, unlocked: login, service (null: all), until (ISO 8601 with zone, or null: for good), by, reason.
    password-changed, account-created, account-removed: login. password-reset: login, by.
    import-applied: by, and the numbers new, changed, moved, gone.
    consent-given, consent-withdrawn: login, consent, version, by.
    settings-changed: by. session-ended: service, login, reason.
    restored: login or group (whose files came back; the other null), by, snapshot (its name); never which files.
    backup-forget: login (whom the backup server is asked to remove from all snapshots), by (null: the account was
    deleted for good), undone (yes: taken back).
    file-stored, file-fetched: login, path (as he sees it), size (bytes). file-removed: login, path.
    web-used: login (empty: the address has no owner), address (IP or null), host and port he reached, way (http,
    connect, or tls: by the server's name alone), since (ISO 8601 with zone; the event's time is the end), requests (how
    many of one connection, one after the other), up and down (bytes), outcome: done, broken-off (by either side),
    refused (by us, under way), failed (the site or the request); never what was asked for there.
    limit-allowed: login or group (the other null), size (bytes), until, by, reason. limit-revoked: login or group, by.
    quota-set: login, size (bytes, 0: no bound; null: that of the role again), until, by, reason.
    folder-given: area (homes, groups), name (what the folder put aside was called), to (login or group), by.
    folder-deleted: area, name, by (null: its time was over).
    versions-deleted: instant (of former versions given up before their time; null: all), count, by.
    device-bound: login, address (IP, whose former binding this ends), until, by. device-released: login, address, by.
    lesson-begun, lesson-ended (before its time): number, measure, group and room (null: it is about none), targets
    (domains), until, by, teacher (in whose name; null: his own).
    A field that may be null may be absent.
    """
    if event.time.tzinfo is None:
        raise WrongEvent(f"{event.kind}: the time has no zone")
    allowed, fields = _FIELDS[event.kind], event.fields
    if not fields.keys() <= allowed.keys():
        unknown = fields.keys() - allowed.keys()
        raise WrongEvent(f"{event.kind}: no such field: {', '.join(sorted(unknown))}")
    wrong = [name for name, fits in allowed.items() if not fits(fields.get(name))]
    if wrong:
        raise WrongEvent(f"{event.kind}: wrong or missing: {', '.join(wrong)}")


def encode(event: Event) -> bytes:
    """Give ``event`` as one line of JSON without its line end; raises :class:`WrongEvent`, also over 64 KiB."""
    validate(event)
    record = {"kind": event.kind, "time": event.time.isoformat(), **event.fields}
    data = _JSON.encode(record).encode(errors="backslashreplace")
    if len(data) > _LONGEST_EVENT:
        raise WrongEvent(f"{event.kind}: more than {_LONGEST_EVENT} bytes")
    return data


def decode(data: bytes) -> Event:
    """Read what :func:`encode` gave; raises :class:`WrongEvent` for anything else."""
    if len(data) > _LONGEST_EVENT:
        raise WrongEvent(f"more than {_LONGEST_EVENT} bytes")
    try:
        record = json.loads(data)
        kind = Kind(record.pop("kind"))
        time = datetime.fromisoformat(record.pop("time"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WrongEvent("no event") from None
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
    event = Event(kind, time, fields)
    validate(event)
    return event


_Fits = Callable[[object], bool]


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _texts(value: object) -> bool:
    return isinstance(value, tuple) and len(value) <= _MOST_TEXTS and all(map(_text, value))


def _number(value: object) -> bool:
    return type(value) is int and value >= 0


def _instant(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _code(value: object) -> bool:
    try:
        return isinstance(value, str) and codes.normalise(value) == value
    except ValueError:
        return False


def _one_of(*choices: str) -> _Fits:
    return lambda value: isinstance(value, str) and value in choices


def _or_null(fits: _Fits) -> _Fits:
    return lambda value: value is None or fits(value)


_service = _one_of(*Service)
_LOCK: Mapping[str, _Fits] = {
    "login": _text,
    "service": _or_null(_service),
    "until": _or_null(_instant),
    "by": _text,
    "reason": _or_null(_text),
}
_WHOM: Mapping[str, _Fits] = {"login": _or_null(_text), "group": _or_null(_text)}
_LESSON: Mapping[str, _Fits] = {
    "number": _number,
    "measure": _one_of(*Measure),
    "group": _or_null(_text),
    "room": _or_null(_text),
    "targets": _texts,
    "until": _instant,
    "by": _text,
    "teacher": _or_null(_text),
}
_CONSENT: Mapping[str, _Fits] = {"login": _text, "consent": _one_of(*Consent), "version": _text, "by": _text}

_FIELDS: Mapping[Kind, Mapping[str, _Fits]] = {
    Kind.SIGN_IN: {
        "service": _service,
        "login": _text,
        "address": _or_null(_text),
        "outcome": _one_of("verified", "refused", "must-change", "denied", "try-later"),
        "way": _or_null(_one_of("ticket", "address")),
    },
    Kind.REFUSED: {"code": _code, "service": _service, "reason": _one_of(*Reason), "source": _text, "text": _text},
    Kind.MAIL_ACCEPTED: {
        "login": _text,
        "sender": _or_null(_text),
        "recipients": _texts,
        "size": _number,
        "message_id": _text,
    },
    Kind.MAIL_LEFT: {
        "login": _text,
        "message_id": _text,
        "recipients": _texts,
        "outcome": _one_of("sent", "failed"),
        "by": _or_null(_text),
        "reason": _or_null(_text),
    },
    Kind.LOCKED: _LOCK,
    Kind.UNLOCKED: _LOCK,
    Kind.PASSWORD_CHANGED: {"login": _text},
    Kind.PASSWORD_RESET: {"login": _text, "by": _text},
    Kind.IMPORT_APPLIED: {"by": _text, "new": _number, "changed": _number, "moved": _number, "gone": _number},
    Kind.ACCOUNT_CREATED: {"login": _text},
    Kind.ACCOUNT_REMOVED: {"login": _text},
    Kind.CONSENT_GIVEN: _CONSENT,
    Kind.CONSENT_WITHDRAWN: _CONSENT,
    Kind.SETTINGS_CHANGED: {"by": _or_null(_text)},
    Kind.SESSION_ENDED: {"service": _service, "login": _text, "reason": _text},
    Kind.FILE_STORED: {"login": _text, "path": _text, "size": _number},
    Kind.FILE_FETCHED: {"login": _text, "path": _text, "size": _number},
    Kind.FILE_REMOVED: {"login": _text, "path": _text},
    Kind.WEB_USED: {
        "login": _text,
        "address": _or_null(_text),
        "host": _text,
        "port": _number,
        "way": _one_of("http", "connect", "tls"),
        "since": _instant,
        "requests": _number,
        "up": _number,
        "down": _number,
        "outcome": _one_of("done", "broken-off", "refused", "failed"),
    },
    Kind.RESTORED: {**_WHOM, "by": _text, "snapshot": _text},
    Kind.BACKUP_FORGET: {"login": _text, "by": _or_null(_text), "undone": _one_of("yes", "no")},
    Kind.LIMIT_ALLOWED: {**_WHOM, "size": _number, "until": _instant, "by": _text, "reason": _text},
    Kind.LIMIT_REVOKED: {**_WHOM, "by": _text},
    Kind.QUOTA_SET: {
        "login": _text,
        "size": _or_null(_number),
        "until": _or_null(_instant),
        "by": _text,
        "reason": _text,
    },
    Kind.FOLDER_GIVEN: {"area": _one_of("homes", "groups", "mail"), "name": _text, "to": _text, "by": _text},
    Kind.FOLDER_DELETED: {"area": _one_of("homes", "groups", "mail"), "name": _text, "by": _or_null(_text)},
    Kind.VERSIONS_DELETED: {"instant": _or_null(_text), "count": _number, "by": _text},
    Kind.DEVICE_BOUND: {"login": _text, "address": _text, "until": _instant, "by": _text},
    Kind.DEVICE_RELEASED: {"login": _text, "address": _text, "by": _text},
    Kind.LESSON_BEGUN: _LESSON,
    Kind.LESSON_ENDED: _LESSON,
}
