"""The three answers of the policy: allow, deny, try later. Each says until when it surely stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why something was denied; the closed list that services map to replies and that texts are translated from."""

    UNKNOWN_ACCOUNT = "unknown-account"
    DISABLED = "disabled"
    LOCKED = "locked"
    MUST_CHANGE = "must-change"
    OWNER_CHANGED = "owner-changed"
    CONSENT_MISSING = "consent-missing"
    NOT_OPEN = "not-open"
    LESSON = "lesson"
    EXAM = "exam"
    CLOSED_CATEGORY = "closed-category"
    CLOSED_SITE = "closed-site"
    CLOSED_PORT = "closed-port"
    INSIDE = "inside"
    OTHER_NAME = "other-name"
    NO_NAME = "no-name"
    SEARCH_CHANGED = "search-changed"
    FOREIGN_SENDER = "foreign-sender"
    OUTSIDE_RECIPIENT = "outside-recipient"
    UNKNOWN_RECIPIENT = "unknown-recipient"
    NO_ADDRESS = "no-address"
    CLOSED_GROUP = "closed-group"
    TOO_MANY = "too-many-recipients"
    HOUR_FULL = "hour-full"
    TOO_MUCH = "too-much"
    HOUR_SPENT = "hour-spent"
    LOOP = "mail-loop"
    HARMFUL = "harmful"
    TOO_LARGE = "too-large"
    OVER_QUOTA = "over-quota"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Rule:
    """What decided: a setting (``access.yaml:31 rules[2]``) or a state (``state lock``), and its text for the carer.

    Neither part names a person: a rule may be shown to whoever holds a refusal's code.
    """

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What an allowed request may use: the largest upload and download in bytes of the file (K12)."""

    upload: int
    download: int


@dataclass(frozen=True, slots=True)
class Allow:
    """Yes, within ``limits``. ``valid_until`` (aware; ``None``: until the next snapshot) is never too late."""

    rule: Rule
    limits: Limits
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """No, because of ``reason``. ``valid_until`` as in :class:`Allow`."""

    reason: Reason
    rule: Rule
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TryLater:
    """Not known at the moment (no usable snapshot, directory away): a temporary failure is not a refusal."""

    rule: Rule
    valid_until: datetime | None = None


Decision = Allow | Deny | TryLater
