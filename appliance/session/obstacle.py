"""What stands against something that somebody wants from a service.

May live here: the closed list of it. May not: when it does, and how a protocol says it. There are three answers, and a
temporary failure is not a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.policy.decision import Reason


class Hitch(StrEnum):
    """What stands in the way beside the policy's reasons."""

    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - the name of a hitch
    LATER = "later"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the name of a hitch


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Not, because of ``why``; ``code`` is what ``schoolserver why`` resolves, there for each refusal by the policy.

    ``retry_after`` is in seconds, above 0 where auth slows somebody down.
    """

    why: Reason | Hitch
    code: str | None = None
    retry_after: float = 0.0
