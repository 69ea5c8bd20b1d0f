"""What the supervisor knows of mail to the outside: whether it gets away, for status and alerts.

May live here: asking the process ``outbound``, and the row. May not: its verbs (``verbs_mail``), SMTP. Blocking.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.daemon.request_client import BlockingClient, RequestRefused, Unreachable
from appliance.settings.mail_outside import OutsideMail

LOG = logging.getLogger(__name__)

EVERY: Final = 5.0
"""Seconds between two questions."""
_PATIENCE: Final = 10.0
_AWAY: Final = "who sends it gives no answer; see: journalctl -u schoolserver-outbound"


class Asked(Protocol):
    """The process: a client of its socket."""

    def call(self, verb: str, /, **arguments: Any) -> dict[str, Any]:
        """Give the result of ``verb``; raises ``Unreachable`` or ``RequestRefused``."""
        ...


class Outbound:
    """Asks ``asked`` where ``there()`` says that this server has such a process; ``settings()`` are those in force."""

    def __init__(
        self,
        asked: Asked,
        there: Callable[[], bool],
        settings: Callable[[], OutsideMail],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._asked = asked
        self._there = there
        self._settings = settings
        self._clock = clock
        self._away = False
        self._standing: dict[str, Any] | None = None

    def work(self) -> float:
        """Ask once; gives the seconds until the next time."""
        if not self._there():
            self._away, self._standing = False, None
            return EVERY
        try:
            self._standing, self._away = self._asked.call("standing"), False
        except (Unreachable, RequestRefused) as problem:
            if not self._away:
                LOG.warning("who sends mail to the outside gives no answer: %s", type(problem).__name__)
            self._standing, self._away = None, True
        return EVERY

    def check(self) -> dict[str, Any] | None:
        """Give the row of status; none while nobody may write to the outside and nothing waits."""
        standing, settings = self._standing, self._settings()
        if self._away:
            return _row(not settings.send, _AWAY)
        if standing is None or (not settings.send and not standing["waiting"]):
            return None
        if standing.get("broken") and settings.send:
            wait = f"; {standing['waiting']} wait; see: schoolserver mail queue" if standing["waiting"] else ""
            return _row(False, f"{standing['problem']}{wait}")
        if standing["oldest"] is None:
            rest = f"{standing['waiting']} of locked accounts" if standing["waiting"] else "nothing waits"
            return _row(True, rest)
        age = (self._clock() - datetime.fromisoformat(standing["oldest"])).total_seconds()
        problem = f"; {standing['problem']}" if standing["problem"] else ""
        text = f"{standing['waiting']} wait, the oldest for {_span(age)}{problem}; see: schoolserver mail queue"
        return _row(age < settings.alert_after, text)


def client(runtime: Path) -> BlockingClient:
    """Make a client of the process, whose socket is below ``runtime``."""
    return BlockingClient(runtime / "outbound" / "outbound.sock", _PATIENCE)


def _row(ok: bool, text: str) -> dict[str, Any]:
    return {"name": "mail to the outside", "ok": ok, "text": text}


def _span(seconds: float) -> str:
    minutes = max(0, int(seconds)) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
