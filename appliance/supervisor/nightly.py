"""Begins the copy at its time each night; the privileged process makes it, whatever becomes of us meanwhile.

May live here: when. May not: waiting for its end (status tells), or what a copy is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.backup import standing
from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.privileged.client import PrivilegedClient

if TYPE_CHECKING:
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

_LOOK = 30.0
_CALM = 600.0


def begin_copy(settings: Settings) -> None:
    """Let the privileged process begin a copy; raises as its client does."""
    with closing(PrivilegedClient(settings.server.runtime / "privileged" / "privileged.sock")) as helper:
        helper.backup("run")


class Nightly:
    """``settings()`` are those in force; ``begin(settings)`` starts a copy."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        begin: Callable[[Settings], object] = begin_copy,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._begin = begin
        self._clock = clock

    def work(self) -> float:
        """Begin a copy if one is due; gives the seconds until the next look."""
        settings, now = self._settings(), self._clock()
        if settings.backup.target is None:
            return _LOOK
        try:
            record = standing.read(settings.server.state / "backup")
        except (OSError, ValueError) as error:
            LOG.error("the record of copies cannot be read: %s", type(error).__name__)
            return _CALM
        due = standing.next_due(record, settings.backup.at, settings.school.zone, now)
        if due is None or due > now:
            return _LOOK
        try:
            self._begin(settings)
        except (Unreachable, RequestRefused):
            LOG.warning("the copy cannot be begun: the privileged process does not take it; it is tried again")
            return _LOOK
        LOG.info("the nightly copy is begun")
        return _CALM
