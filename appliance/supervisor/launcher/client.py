"""The supervisor's end of ``launcher.sock``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from appliance.daemon.reload import PATIENCE
from appliance.daemon.request_client import BlockingClient
from appliance.supervisor.launcher.seam import State, UnitState

_TIMEOUT = 5.0


class ChildrenClient:
    """The :class:`~appliance.supervisor.launcher.seam.Launcher` whose units are children of another process.

    Blocking (at most ``timeout`` seconds a call, a reload as long as daemons take) and thread-safe; ``path`` is the
    launcher's socket.
    """

    def __init__(self, path: Path, timeout: float = _TIMEOUT) -> None:
        self._client = BlockingClient(path, timeout)
        self._reloads = BlockingClient(path, PATIENCE)

    def states(self) -> list[UnitState]:
        """Every unit, in starting order. Raises ``Unreachable``."""
        return [
            UnitState(
                name=str(one["name"]),
                state=State(one["state"]),
                pid=one["pid"],
                since=datetime.fromisoformat(one["since"]),
                restarts=int(one["restarts"]),
                status=str(one["status"]),
            )
            for one in self._client.call("states")["units"]
        ]

    def restart(self, name: str) -> None:
        """Ask for a fresh process of unit ``name``. Raises ``Unreachable`` or ``RequestRefused``."""
        self._client.call("restart", name=name)

    def reload(self, name: str) -> None:
        """Let unit ``name`` read its settings again, and wait. Raises ``Unreachable`` or ``RequestRefused``."""
        self._reloads.call("reload", name=name)

    def close(self) -> None:
        """Give the connections back; a later call opens new ones."""
        self._client.close()
        self._reloads.close()
