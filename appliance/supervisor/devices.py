"""Whose device is at which address, in the state: bound from when until when, and by whom (K20).

May live here: the table of bindings. May not: what a binding opens (``policy``), which addresses may have one
(``verbs_devices``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.supervisor.state import State


@dataclass(frozen=True, slots=True)
class Device:
    """The IP ``address`` (in its one text) is a device of the account ``uid`` from ``since`` to ``until`` (aware)."""

    address: str
    uid: int
    since: datetime
    until: datetime
    by: str


class Devices:
    """The table; a binding whose ``until`` has passed counts no more and is swept away at the next change."""

    def __init__(self, state: State) -> None:
        self._state = state

    def bind(self, new: Device) -> Device | None:
        """Bind; the former binding of the address is replaced and given if it was in force. On disk when it returns."""
        with self._state.change() as database:
            former = self._sweep(new.address, new.since)
            database.execute(
                "INSERT INTO binding (address, uid, since, until, by) VALUES (?, ?, ?, ?, ?)",
                (new.address, new.uid, new.since.isoformat(), new.until.isoformat(), new.by),
            )
        return former

    def release(self, address: str, now: datetime) -> Device | None:
        """End the binding of ``address``; give it if it was in force."""
        with self._state.change():
            return self._sweep(address, now)

    def standing(self, now: datetime) -> tuple[Device, ...]:
        """All in force at ``now``."""
        return tuple(device for device in self._all() if device.until > now)

    def _all(self) -> list[Device]:
        with self._state.read() as database:
            rows = database.execute("SELECT address, uid, since, until, by FROM binding").fetchall()
        return [
            Device(address, uid, datetime.fromisoformat(since), datetime.fromisoformat(until), by)
            for address, uid, since, until, by in rows
        ]

    def _sweep(self, address: str, now: datetime) -> Device | None:
        """Inside a change: drop the binding of ``address``, and all that have ended; give it if it was in force."""
        ours = None
        with self._state.read() as database:
            for device in self._all():
                if device.address == address and device.until > now:
                    ours = device
                if device.address == address or device.until <= now:
                    database.execute("DELETE FROM binding WHERE address = ?", (device.address,))
        return ours
