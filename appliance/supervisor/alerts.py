"""Telling the carer that the server is not well: a look at the status, the rule, a mail, and the text at log-in.

May live here: the order of these steps, and that they are tried again. May not: the rule (``alerts_rule``), words
(``alerts_text``), SMTP (``alerts_mail``), tables (``alerts_memory``), threads. Blocking; never raises for what is
missing around it: alerts are most needed when other parts are not there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.supervisor import alerts_mail, alerts_rule, alerts_text
from appliance.supervisor.alerts_mail import CannotSend
from appliance.supervisor.alerts_memory import Memory
from appliance.supervisor.alerts_rule import Due, Patience
from appliance.supervisor.alerts_text import Letter
from appliance.supervisor.health import STALE
from appliance.supervisor.probe import ProbeFailed, Visitor
from appliance.supervisor.state import StateError

if TYPE_CHECKING:
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

LOOK: Final = 5.0
"""Seconds between two looks at the status."""
_AGAIN: Final = (60.0, 900.0)
"""Seconds after which a mail that did not get away is tried again: at first, and at the most."""


@dataclass(frozen=True, slots=True)
class Around:
    """What alerts need: the answer of the verb ``status``, the hidden account, the file that a log-in shows.

    ``visitor`` raises :class:`ProbeFailed`. ``clock`` gives aware instants that no correction of the time moves.
    """

    status: Callable[[], dict[str, Any]]
    visitor: Callable[[], Visitor]
    banner: Path
    clock: Callable[[], datetime]


class Alerts:
    """Alerts of a school."""

    def __init__(self, settings: Settings, memory: Memory, around: Around) -> None:
        self._settings = settings
        self._memory = memory
        self._around = around
        self._guard = threading.Lock()
        self._begun = around.clock()
        self._troubles = memory.troubles()
        self._sent_at = memory.sent_at()
        self._problem: str | None = None
        self._try_at: datetime | None = None
        self._pause = _AGAIN[0]

    @property
    def settings(self) -> Settings:
        """Those in force; with new ones, what could not be sent is tried again at once."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        with self._guard:
            self._settings, self._problem, self._try_at, self._pause = settings, None, None, _AGAIN[0]

    def work(self) -> float:
        """Look once and tell what is due; gives the seconds until the next look. Takes two minutes at the most."""
        now, alerts = self._around.clock(), self.settings.alerts
        patience = Patience(timedelta(seconds=alerts.after), timedelta(seconds=alerts.repeat))
        if now - self._begun < timedelta(seconds=STALE * self.settings.server.probe_interval):
            self._write("")
            return LOOK  # not everything was looked at yet, which is red for a moment
        red = alerts_text.reds(self._around.status())
        before = self._troubles
        self._troubles = alerts_rule.looked(before, red, now, patience)
        self._show(red, now)
        if self._try_at is None or now >= self._try_at:
            self._tell(red, now, patience)
        if self._troubles != before:
            self._keep()
        return LOOK

    def note(self, text: str) -> None:
        """Tell something once that has happened; it waits, over restarts too, until it can be sent."""
        self._memory.note(text)

    def try_now(self) -> int:
        """Send a mail to try the ways; gives to how many addresses. Raises :class:`CannotSend` unless to all."""
        self._deliver(alerts_text.tried(self.settings.school.domain))
        with self._guard:
            if self._problem is not None:
                raise CannotSend(self._problem)
        return len(self.settings.alerts.to)

    def check(self) -> dict[str, Any]:
        """Give the row of status about alerts."""
        with self._guard:
            problem, sent_at = self._problem, self._sent_at
        if not self.settings.alerts.to:
            return {"name": alerts_text.OWN, "ok": True, "text": "nobody is told by mail (alerts.yaml: to)"}
        last = f"last sent {sent_at.astimezone(self.settings.school.zone):%Y-%m-%d %H:%M}" if sent_at else "none so far"
        text = last if problem is None else f"cannot be sent: {problem}; {last}"
        return {"name": alerts_text.OWN, "ok": problem is None, "text": text}

    def _tell(self, red: dict[str, str], now: datetime, patience: Patience) -> None:
        alerts, school = self.settings.alerts, self.settings.school.domain
        due = alerts_rule.due(self._troubles, now, patience)
        if due is Due.ALERT and alerts.to:
            if not self._sent(alerts_text.not_well(school, red, self._troubles, now, patience)):
                return
            self._troubles = alerts_rule.told(self._troubles, due, now)
        elif due is Due.WELL:
            if alerts.to and alerts.recovered and not self._sent(alerts_text.well_again(school, self._troubles, now)):
                return
            self._troubles = alerts_rule.told(self._troubles, due, now)
        try:
            for number, text in self._memory.notices():
                if alerts.to and not self._sent(alerts_text.noted(school, text)):
                    return
                self._memory.told(number)
        except StateError as problem:
            LOG.error("what is to be told cannot be read: %s", problem)

    def _sent(self, letter: Letter) -> bool:
        """Whether ``letter`` got away; if not, nothing is tried for a while."""
        now = self._around.clock()
        try:
            self._deliver(letter)
        except CannotSend as problem:
            if self._problem != str(problem):
                LOG.error("an alert cannot be sent: %s", problem)
            with self._guard:
                self._problem = str(problem)
            self._try_at = now + timedelta(seconds=self._pause)
            self._pause = min(self._pause * 2, _AGAIN[1])
            return False
        return True

    def _deliver(self, letter: Letter) -> None:
        """Send ``letter`` to each address its way; raises :class:`CannotSend` if nobody has got it.

        Where somebody has got it and somebody else not, that is a problem in status, but no reason to send it again.
        """
        alerts, domain = self.settings.alerts, self.settings.school.domain
        inside = [address for address in alerts.to if address.casefold().endswith(f"@{domain}")]
        outside = [address for address in alerts.to if address not in inside]
        problems, got = [], False
        for to, way in ((outside, self._outside), (inside, self._inside)):
            try:
                if to:
                    refused = way(to, letter)
                    got = True
                    problems += [f"{refused} of {len(to)} addresses are refused"] if refused else []
            except CannotSend as problem:
                problems.append(str(problem))
        if not got:
            raise CannotSend("; ".join(problems) or "nobody is to be told (alerts.yaml: to)")
        sent_at = datetime.now(UTC)
        with self._guard:
            self._problem, self._sent_at = "; ".join(problems) or None, sent_at
        self._try_at, self._pause = None, _AGAIN[0]
        LOG.info("an alert was sent")
        try:
            self._memory.sent(sent_at)
        except StateError as problem:
            LOG.error("when an alert was sent cannot be kept: %s", problem)

    def _outside(self, to: list[str], letter: Letter) -> int:
        return alerts_mail.through_smarthost(self.settings.alerts, self.settings.school.domain, to, letter)

    def _inside(self, to: list[str], letter: Letter) -> int:
        try:
            visitor = self._around.visitor()
        except ProbeFailed as problem:
            raise CannotSend(f"our own mail: {problem.text}") from problem
        return alerts_mail.through_ourselves(visitor, to, letter)

    def _show(self, red: dict[str, str], now: datetime) -> None:
        problem = self._problem if self.settings.alerts.to else None
        self._write(alerts_text.banner(red, self._troubles, now, problem))

    def _write(self, text: str) -> None:
        """Write the text at log-in; a fresh file says, too, that somebody looks."""
        candidate = self._around.banner.with_suffix(".new")
        try:
            candidate.write_text(text, encoding="utf-8")
            candidate.replace(self._around.banner)
        except OSError as problem:
            LOG.error("the text at log-in cannot be written: %s", problem.strerror)

    def _keep(self) -> None:
        try:
            self._memory.keep(self._troubles)
        except StateError as problem:
            LOG.error("what is not well cannot be kept: %s", problem)


def steady_clock() -> Callable[[], datetime]:
    """Give a clock that begins with the time of day and then runs evenly, whatever is corrected meanwhile."""
    begun, base = time.monotonic(), datetime.now(UTC)
    return lambda: base + timedelta(seconds=time.monotonic() - begun)
