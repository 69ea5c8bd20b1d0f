"""The row of status about scanners of mail: while one is away, or takes less than the school's largest, mail waits.

May live here: when they are asked, and the row. May not: how (``daemon.scanner``), what becomes of mail. Blocking.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from appliance.daemon.scanner import clamd_problem, filter_problem
from appliance.policy.account import Service
from appliance.policy.limits import LimitTable, largest_size
from appliance.policy.request import Action
from appliance.settings.mail_outside import OutsideMail, Scanner

LOG = logging.getLogger(__name__)

_EVERY: Final = 5.0
_AGAIN: Final = 30.0
"""Seconds until the next question, when all was well and when something was not."""
_WHOLE: Final = 3600.0
"""Seconds after which clamd gets a message of the largest size again; in between it is asked whether it is there."""
_PATIENCE: Final = 20.0


class Scanning:
    """Asks the scanners that ``settings()`` name; ``limits()`` are those in force, ``None`` while not known."""

    def __init__(
        self,
        settings: Callable[[], OutsideMail],
        limits: Callable[[], LimitTable | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._clock = clock
        self._proved: tuple[Scanner, int] | None = None
        self._proved_at = 0.0
        self._problems: tuple[str, ...] | None = None

    def work(self) -> float:
        """Ask once; gives the seconds until the next time."""
        settings, limits, found = self._settings(), self._limits(), []
        if not needed(settings) or limits is None:
            self._problems = None
            return _EVERY
        if settings.clamd is not None:
            found.append(self._clamd(settings.clamd, largest_message(limits)))
        if settings.milter is not None:
            found.append(filter_problem(settings.milter, _PATIENCE))
        problems = tuple(problem for problem in found if problem is not None)
        if problems and problems != self._problems:
            LOG.warning("mail waits: %s", "; ".join(problems))
        self._problems = problems
        return _AGAIN if problems else _EVERY

    def check(self) -> dict[str, Any] | None:
        """Give the row; none while nothing is looked through."""
        problems = self._problems
        if problems is None or not needed(self._settings()):
            return None
        whose = "mail" if self._settings().scan_all else "mail from outside"
        text = f"{whose} waits: {'; '.join(problems)}" if problems else "they answer"
        return {"name": "scanners of mail", "ok": not problems, "text": text}

    def _clamd(self, where: Scanner, size: int) -> str | None:
        now, wanted = self._clock(), (where, size)
        whole = self._proved != wanted or now - self._proved_at >= _WHOLE
        problem = clamd_problem(where, size if whole else 0, _PATIENCE)
        if problem is not None:
            self._proved = None
        elif whole:
            self._proved, self._proved_at = wanted, now
        return problem


def needed(settings: OutsideMail) -> bool:
    """Say whether any mail is looked through."""
    there = settings.clamd is not None or settings.milter is not None
    return there and (settings.scan_all or bool(settings.relays))


def largest_message(limits: LimitTable) -> int:
    """Give the bytes of the largest message that somebody may hand in."""
    return largest_size(limits, limits.largest(), Service.MAIL, Action.SEND)
