"""What the supervisor has to do with the door of the drives over SMB: how it stands, and mails about cut uploads.

May live here: asking the door, and whose turn it is to be told. May not: words (``cut_uploads_text``), SMTP
(``alerts_mail``), Samba's shares (``smb_shares``). Blocking. Names of files pass through to their owner and are kept
nowhere.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.daemon.texts import translator
from appliance.supervisor.alerts_mail import CannotSend, Unwanted
from appliance.supervisor.alerts_text import Letter
from appliance.supervisor.cut_uploads_text import Cut, cut_off

LOG = logging.getLogger(__name__)

EVERY: Final = 5.0
"""Seconds between two questions."""
QUIET: Final = 10.0
"""Seconds for which nothing more of somebody's was cut, so that a whole folder gives one mail."""
_AT_LAST: Final = 300.0
_AGAIN: Final = 300.0  # seconds until a mail that did not get away is tried again
_SOON: Final = 1.0
_AWAY: Final = "the door gives no answer, so no drive opens; see: journalctl -u schoolserver-smb"


class Asked(Protocol):
    """The door: a client of its socket."""

    def call(self, verb: str, /, **arguments: Any) -> dict[str, Any]:
        """Give the result of ``verb``; raises ``Unreachable`` or ``RequestRefused``."""
        ...


class SmbDoor:
    """Asks ``door`` where ``there()`` says that this server has one; ``send(login, letter)`` raises ``CannotSend``.

    ``language()`` is the school's; ``clock`` gives seconds since 1970.
    """

    def __init__(
        self,
        door: Asked,
        there: Callable[[], bool],
        send: Callable[[str, Letter], None],
        language: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._door = door
        self._there = there
        self._send = send
        self._language = language
        self._clock = clock
        self._away = False
        self._standing: dict[str, Any] | None = None
        self._told: list[int] = []
        self._not_before: dict[str, float] = {}

    def work(self) -> float:
        """Ask once and tell whose turn it is; gives the seconds until the next time."""
        if not self._there():
            self._away, self._standing = False, None
            return EVERY
        try:
            self._standing = self._door.call("standing")
            self._done([])
            cuts = self._door.call("cuts")["cuts"]
            self._away = False
            self._tell(cuts)
        except (Unreachable, RequestRefused) as problem:
            if not self._away:
                LOG.warning("the door of the drives over SMB gives no answer: %s", type(problem).__name__)
            self._away, self._standing = True, None
            return _SOON
        return EVERY

    def problem(self) -> str | None:
        """Say what stands against its work."""
        return _AWAY if self._away else None

    def figures(self) -> str:
        """Say how many are there; nothing where that is not known."""
        if self._standing is None:
            return ""
        return f"{self._standing['connections']} connections over SMB of {self._standing['persons']} persons"

    def _tell(self, cuts: Sequence[dict[str, Any]]) -> None:
        now, waiting = self._clock(), defaultdict(list)
        for cut in cuts:
            waiting[cut["login"]].append(cut)
        self._not_before = {login: instant for login, instant in self._not_before.items() if login in waiting}
        for login, his in waiting.items():
            instants = [cut["at"] for cut in his]
            if (now - max(instants) < QUIET and now - min(instants) < _AT_LAST) or now < self._not_before.get(
                login, 0.0
            ):
                continue
            letter = cut_off([Cut(cut["path"], cut["removed"]) for cut in his], translator(self._language()))
            try:
                self._send(login, letter)
            except Unwanted:
                LOG.info("somebody whose upload was cut gets no mail")
            except CannotSend as problem:
                LOG.warning("who is to be told about a cut upload is told later: %s", problem)
                self._not_before[login] = now + _AGAIN
                return  # it may have taken a minute; the others have their turn the next time
            self._done([cut["id"] for cut in his])

    def _done(self, numbers: Sequence[int]) -> None:
        """Let the door forget what was told; what it did not hear is kept for the next time, so nothing goes twice."""
        self._told += numbers
        if self._told:
            self._door.call("cuts-told", ids=self._told)
            self._told = []
