"""The connection to a site that is kept for the next request of the same connection of a browser, and of no other.

May live here: keeping one, letting go of it. May not: when it may be kept (``exchange``). A site that speaks unasked,
or ends, is let go.
"""

from __future__ import annotations

from appliance.proxy.target import Where
from appliance.proxy.wire import Receiver, Wire


class Kept(Receiver):
    """At most one wire, and where it leads."""

    __slots__ = ("_where", "_wire")

    def __init__(self) -> None:
        self._where: Where | None = None
        self._wire: Wire | None = None

    def keep(self, where: Where, wire: Wire) -> None:
        """Keep ``wire``, which leads to ``where``."""
        wire.receiver = self
        self._where, self._wire = where, wire

    def take(self, where: Where) -> Wire | None:
        """Give the wire if it leads to ``where``; one that leads elsewhere is let go."""
        wire = self._wire
        if wire is None:
            return None
        if self._where is where or self._where == where:
            self._wire = None
            return wire
        self.drop()
        return None

    def drop(self) -> None:
        """Let go of it."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.reset()

    def readable(self, _wire: Wire) -> None:
        """Let go of a site that speaks or ends."""
        self.drop()
