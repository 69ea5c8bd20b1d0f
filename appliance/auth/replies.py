"""What the password service answers, and how it is written in a local reply.

May live here: the closed lists of answers and their JSON. May not: when which is given (``session``, ``changes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from appliance.policy.account import Role
from appliance.policy.decision import Reason


class Answer(StrEnum):
    """What became of a sign-in; a temporary failure is not a refusal."""

    VERIFIED = "verified"
    REFUSED = "refused"
    MUST_CHANGE = "must-change"
    DENIED = "denied"
    TRY_LATER = "try-later"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a sign-in as ``login`` (as the directory writes it; as it was given when refused).

    ``uid`` and ``role`` are there once the password was right and the account is known. ``reason`` and ``code`` (for
    ``schoolserver why``) belong to DENIED and MUST_CHANGE. ``retry_after`` is in seconds, above 0 for a throttled
    TRY_LATER. A VERIFIED stands until ``valid_until`` (aware; ``None``: until the next snapshot).
    """

    answer: Answer
    login: str
    uid: int | None = None
    role: Role | None = None
    reason: Reason | None = None
    code: str | None = None
    retry_after: float = 0.0
    valid_until: datetime | None = None

    def fields(self) -> dict[str, Any]:
        """Write it as the JSON object of a reply."""
        return {
            "answer": self.answer.value,
            "login": self.login,
            "uid": self.uid,
            "role": None if self.role is None else self.role.value,
            "reason": None if self.reason is None else self.reason.value,
            "code": self.code,
            "retry_after": round(self.retry_after, 3),
            "valid_until": None if self.valid_until is None else self.valid_until.isoformat(),
        }

    @staticmethod
    def read(fields: Mapping[str, Any]) -> Verdict:
        """Read what :meth:`fields` wrote; raises ``ValueError``, ``KeyError`` or ``TypeError`` for anything else."""
        role, reason, until = fields["role"], fields["reason"], fields["valid_until"]
        return Verdict(
            Answer(fields["answer"]),
            str(fields["login"]),
            None if fields["uid"] is None else int(fields["uid"]),
            None if role is None else Role(role),
            None if reason is None else Reason(reason),
            None if fields["code"] is None else str(fields["code"]),
            float(fields["retry_after"]),
            None if until is None else datetime.fromisoformat(until),
        )


class Change(StrEnum):
    """What became of an own change of the password."""

    CHANGED = "changed"
    REFUSED = "refused"
    WEAK = "weak"
    TRY_LATER = "try-later"


@dataclass(frozen=True, slots=True)
class ChangeVerdict:
    """The answer to an own change; ``problems`` says in English what is wrong with a WEAK password (K02)."""

    answer: Change
    problems: tuple[str, ...] = ()
    retry_after: float = 0.0

    def fields(self) -> dict[str, Any]:
        """Write it as the JSON object of a reply."""
        return {
            "answer": self.answer.value,
            "problems": list(self.problems),
            "retry_after": round(self.retry_after, 3),
        }

    @staticmethod
    def read(fields: Mapping[str, Any]) -> ChangeVerdict:
        """Read what :meth:`fields` wrote; raises ``ValueError``, ``KeyError`` or ``TypeError`` for anything else."""
        problems = tuple(str(problem) for problem in fields["problems"])
        return ChangeVerdict(Change(fields["answer"]), problems, float(fields["retry_after"]))
