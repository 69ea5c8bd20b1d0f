"""What every service of the school is to a test: one may sign in, move bytes, and hear that it is over.

May live here: the words in which the cases are written. May not: a protocol; each has its driver beside this file. A
driver gives what the service said, and its table ``replies`` how the service says each outcome: there is no outcome
that a driver leaves out. Where a protocol cannot tell one from another, or does not know it at all, the table says
which reply stands for it, and why.
"""

import re
from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Protocol

from appliance.policy.account import Service
from tests.integration.support_school import School

PATIENCE = 20.0
"""Seconds that a client waits for an answer, whatever happens; mail programs and browsers wait longer."""
AT_ONCE = 2.0
"""Seconds in which a lock reaches whatever is open (K18)."""


class Outcome(Enum):
    """How a service answers; closed."""

    SIGNED_IN = auto()
    WRONG = auto()
    MUST_CHANGE = auto()
    LOCKED = auto()
    NOT_OPEN = auto()
    NO_CONSENT = auto()
    TRY_LATER = auto()
    PASSED = auto()
    TOO_LARGE = auto()
    OVER_QUOTA = auto()
    ENDED_LOCKED = auto()
    ENDED_CHANGED = auto()


class Direction(StrEnum):
    """Which way bytes go, as a person sees it."""

    UP = "up"
    DOWN = "down"


class Driver(Protocol):
    """One client. ``recorded`` is the kind of event that a transfer leaves in the record of use (``None``: none)."""

    name: str
    service: Service
    replies: Mapping[Outcome, str]
    recorded: Mapping[Direction, str | None]

    def __init__(self, school: School, address: str = "127.0.0.1") -> None:
        """Come from ``address``."""

    def sign_in(self, login: str, password: str) -> str:
        """Connect and sign in: what is said. The session stays open if it is good."""
        ...

    def move(self, direction: Direction, size: int) -> str:
        """Transfer a file of ``size`` bytes within the open session: what is said at the end."""
        ...

    def edge(self, limit: int, direction: Direction) -> int | None:
        """Size of the largest file that passes where the limit is ``limit``; ``None``: nothing limits this way."""
        ...

    def open(self) -> bool:
        """Whether the session is open still."""
        ...

    def last_words(self, within: float) -> str:
        """Wait until the service ends the session: what it says then. ``AssertionError`` when it does not."""
        ...

    def close(self) -> None:
        """Leave; never fails."""
        ...


def said(driver: Driver, reply: str, outcome: Outcome) -> str:
    """Hold ``reply`` against the driver's table; it again, so that more can be asked of it."""
    pattern = driver.replies[outcome]
    assert re.fullmatch(pattern, reply), f"{driver.name}: {reply!r} is not {outcome.name}: {pattern}"
    return reply


CODE = r" \(code [0-9A-Z]{4}-[0-9A-Z]{4}\)"


def code_in(reply: str) -> str | None:
    """The code by which a refusal can be looked up; not every protocol has room for one."""
    found = re.search(r"code ([0-9A-Z]{4}-[0-9A-Z]{4})", reply)
    return found and found[1]
