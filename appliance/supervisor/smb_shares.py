"""Sees to it that the domain's Samba serves the shares, and says how the drives stand.

May live here: when it is seen to. May not: the text (``fileshare.smb.render``), swapping it in (``privileged``), the
door (``smb_door``). Blocking.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable

LOG = logging.getLogger(__name__)

_EVERY: Final = 600.0
_AGAIN: Final = 5.0
_ONLY_FTP: Final = (
    "over FTP with TLS only: SMB is served by the domain of the server itself (directory.yaml: kind: domain)"
)
_BOTH: Final = "over FTP with TLS, and over SMB, which cannot limit downloads"


class Hands(Protocol):
    """Who swaps it in: the privileged client."""

    def engine_install(self, engine: str, text: str) -> bool:
        """Make ``text`` the file of ``engine``; whether it changed. Raises ``Unreachable`` or ``RequestRefused``."""
        ...


class Watch(Protocol):
    """Who knows about the door: see :class:`.smb_door.SmbDoor`."""

    def problem(self) -> str | None:
        """Say what stands against its work."""
        ...

    def figures(self) -> str:
        """Say how many are there, if that is known."""
        ...


class SmbShares:
    """Has ``hands`` install what ``render`` gives (``None``: SMB is not served from here); ``door``: who lets in."""

    def __init__(self, hands: Hands, render: Callable[[], str] | None, door: Watch) -> None:
        self._hands = hands
        self._render = render
        self._door = door
        self._problem: str | None = None

    def work(self) -> float | None:
        """See to it; gives the seconds until the next time, ``None``: there is none."""
        if self._render is None:
            return None
        try:
            self._hands.engine_install("smb", self._render())
        except (Unreachable, RequestRefused) as problem:
            if self._problem is None:
                LOG.warning("the shares cannot be given to Samba; it is tried again")
            self._problem = str(problem)
            return _AGAIN
        self._problem = None
        return _EVERY

    def check(self) -> dict[str, Any]:
        """Give the row of status about it."""
        if self._render is None:
            return {"name": "drives", "ok": True, "text": _ONLY_FTP}
        problem = self._problem or self._door.problem()
        well = "; ".join(part for part in (_BOTH, self._door.figures()) if part)
        return {"name": "drives", "ok": problem is None, "text": well if problem is None else f"over SMB: {problem}"}
