"""Sees to the former versions of homes and group folders, where the disk can keep them, and says where it cannot.

May live here: when it is seen to. May not: which are kept (``shadows_rule``), making them (``privileged``), showing
them (``fileshare.smb.render``). Blocking.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.daemon.space import Reserve
from appliance.supervisor.shadows_rule import is_due, over

if TYPE_CHECKING:
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

_LOOK: Final = 60.0
_AGAIN: Final = 5.0
_ROOM: Final = 20
"""One part in so many of the disk is left to people: former versions go long before anybody's upload is refused."""


class Hands(Protocol):
    """What is needed of ``privileged.client.PrivilegedClient``."""

    def shadows_list(self) -> tuple[str | None, Sequence[str]]:
        """Say what hinders them, and which there are."""

    def shadows_take(self) -> str:
        """Make one."""

    def shadows_remove(self, stamp: str) -> bool:
        """Give one up."""


class Shadows:
    """``settings()`` are those in force."""

    def __init__(
        self, hands: Hands, settings: Callable[[], Settings], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._hands = hands
        self._settings = settings
        self._clock = clock
        self._row: tuple[bool, str] = (True, "not looked at yet")

    def offered(self, hands: Hands) -> bool:
        """Whether Samba is to show them; asks ``hands``, which nothing keeps busy, and raises as that does."""
        return self._keep() > timedelta(0) and hands.shadows_list()[0] is None

    def work(self) -> float:
        """Take what is due and give up what is over; gives the seconds until the next look."""
        keep, now = self._keep(), self._clock()
        try:
            hindrance, taken = self._hands.shadows_list()
            past = over(taken, keep, now)
            full = self._cramped()
            if full and not past:
                past = list(taken[:1])
            for stamp in past:
                self._hands.shadows_remove(stamp)
            if past:
                LOG.info("%d former versions are given up", len(past))
            left = [stamp for stamp in taken if stamp not in past]
            if keep and hindrance is None and not full and is_due(left, now):
                left.append(self._hands.shadows_take())
        except (Unreachable, RequestRefused) as problem:
            if self._row[0]:
                LOG.warning("no former versions can be made; it is tried again")
            self._row = (False, f"none can be made: {problem}; see journalctl -u schoolserver-privileged")
            return _AGAIN
        self._row = _told(hindrance, left, keep, full)
        return _LOOK

    def check(self) -> dict[str, Any]:
        """Give the row of status."""
        ok, text = self._row
        return {"name": "former versions", "ok": ok, "text": text}

    def _keep(self) -> timedelta:
        return timedelta(seconds=self._settings().fileshare.shadow_copies or 0)

    def _cramped(self) -> bool:
        server = self._settings().server
        try:
            disk = os.statvfs(server.data)
        except OSError:
            return False  # making one will tell
        return Reserve(server.data, max(2 * server.reserve, disk.f_blocks * disk.f_frsize // _ROOM)).refuses()


def _told(hindrance: str | None, left: Sequence[str], keep: timedelta, full: bool) -> tuple[bool, str]:
    if not keep:
        return True, "switched off (fileshare.yaml: shadow_copies)"
    if hindrance is not None:
        return True, f"not offered: {hindrance}"
    if full:
        return False, f"none are made while the disk has hardly room, and the oldest go; {len(left)} are left"
    first = left[0].removeprefix("@GMT-").partition("-")[0].replace(".", "-") if left else "now"
    return True, f"{len(left)}, back to {first}; kept for {keep.days} days"
