"""The end of a connection that was refused: what it still sends is thrown away, so that it reads why and no reset.

May live here: waiting and closing. May not: what was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.proxy.wire import Receiver, Wire

if TYPE_CHECKING:
    from appliance.proxy.desk import Desk

_PATIENCE: Final = 2.0
_AT_ONCE: Final = 16


class Linger(Receiver):
    """Ends ``client``, to which the last word was written."""

    __slots__ = ("_begun", "_client", "_desk", "_until")

    def __init__(self, desk: Desk, client: Wire) -> None:
        self._desk = desk
        self._client = client
        self._begun = desk.poller.now
        self._until = self._begun + _PATIENCE

    def start(self) -> None:
        """Begin, instead of who had the client until now."""
        self._client.receiver = self
        self._client.finish()
        self._desk.deadlines.watch(self._client, self._until)
        if self._client.readable:
            self.readable(self._client)

    def readable(self, wire: Wire) -> None:
        """Throw away what comes, a bounded part in one turn."""
        try:
            for _ in range(_AT_ONCE):
                data = wire.read()
                if data is None:
                    return
                if not data:
                    self._bye()
                    return
        except OSError:
            self.drop()
            return
        if wire.readable:
            wire.poller.again(wire)

    def drained(self, wire: Wire) -> None:
        """Go: the client has closed its side, and now it has all."""
        if wire.descriptor < 0:
            self.drop()

    def tick(self, now: float) -> float | None:
        """End when the time is over."""
        if self._client.blocked:
            self._until = max(self._until, self._begun + self._desk.times.answer)
        if now < self._until:
            return self._until
        self.drop()
        return None

    def _bye(self) -> None:
        self._client.end()
        if self._client.descriptor < 0:
            self.drop()

    def drop(self) -> None:
        """End at once."""
        self._client.close()
        self._desk.forget(self._client)
