"""Sees to it that our services have the keys by which they open tickets, and that Dovecot begins to use them.

May live here: when they are seen to, and telling Dovecot, which offers tickets only if it finds keys when it starts.
May not: the keys (``privileged``). Blocking.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.supervisor.launcher.seam import Launcher

LOG = logging.getLogger(__name__)

_EVERY: Final = 3600.0
_AGAIN: Final = 5.0
_READS_AT_START: Final = "imap"


class Hands(Protocol):
    """Who writes them: the privileged client."""

    def keytabs_keep(self) -> tuple[str, ...]:
        """See to the keys; the services whose keys are others now. Raises ``Unreachable`` or ``RequestRefused``."""
        ...


class Keytabs:
    """Asks ``hands``, where the directory is a domain of the server's own."""

    def __init__(self, hands: Hands, launcher: Launcher) -> None:
        self._hands = hands
        self._launcher = launcher
        self._problem: str | None = None
        self._to_tell = True  # an earlier process may have been ended in between

    def work(self) -> float:
        """See to them; gives the seconds until the next time."""
        try:
            self._to_tell |= _READS_AT_START in self._hands.keytabs_keep()
        except (Unreachable, RequestRefused) as problem:
            if self._problem is None:
                LOG.warning("keys for sign-in by ticket cannot be seen to; it is tried again")
            self._problem = str(problem)
            return _AGAIN
        self._problem = None
        if self._to_tell:
            try:
                self._launcher.reload(_READS_AT_START)
            except (Unreachable, RequestRefused):
                return _AGAIN  # it is only coming up, or is not installed
            self._to_tell = False
        return _EVERY

    def check(self) -> dict[str, Any]:
        """Give the row of status about it."""
        text = "services open tickets with keys of their own" if self._problem is None else self._problem
        return {"name": "tickets", "ok": self._problem is None, "text": text}
