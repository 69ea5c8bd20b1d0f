"""Bytes both ways between a client and an origin after CONNECT, counted. A faster data path replaces this file.

May live here: moving and counting. May not: decisions, heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.policy.decision import Limits
from appliance.policy.request import Action
from appliance.proxy.allowance import with_tls
from appliance.proxy.coupling import couple, uncouple
from appliance.proxy.upstream import Upstream


class Tunnel:
    """Joins two connections until either ends.

    ``exceeded(action, bytes)`` is called once when more than ``limits`` passed in one direction (``WRITE`` up,
    ``FETCH`` down): nothing is passed on after that. ``ended(clean)`` is called once when it is over:
    ``clean`` if in order, so that the other side is to be closed in order too. ``up`` and ``down`` count the bytes.
    """

    def __init__(
        self,
        client: Any,
        upstream: Upstream,
        limits: Limits,
        exceeded: Callable[[Action, int], None],
        ended: Callable[[bool], None],
    ) -> None:
        self._client = client
        self.upstream = upstream
        self.limits = limits
        self._exceeded = exceeded
        self._ended = ended
        self.up = self.down = 0
        self._over = False

    @property
    def moved(self) -> int:
        """How many bytes went either way."""
        return self.up + self.down

    def start(self, rest: bytes) -> None:
        """Begin; ``rest`` is what the client has sent already."""
        self.upstream.receiver = self
        couple(self._client, self.upstream.transport)
        if rest:
            self.from_client(rest)

    def from_client(self, data: bytes) -> None:
        """Pass ``data`` up."""
        self.up += len(data)
        if self.up > with_tls(self.limits.upload):
            self._stop(Action.WRITE, self.up)
        elif not self._over:
            self.upstream.transport.write(data)

    def from_upstream(self, data: bytes) -> None:
        """Pass ``data`` down."""
        self.down += len(data)
        if self.down > with_tls(self.limits.download):
            self._stop(Action.FETCH, self.down)
        elif not self._over:
            self._client.write(data)

    def upstream_lost(self, clean: bool) -> None:
        """The origin is gone: what it sent still arrives."""
        uncouple(self._client, self.upstream.transport)
        self._finish(clean)

    def client_lost(self) -> None:
        """The client is gone: what it sent still arrives."""
        self.upstream.receiver = None
        uncouple(self._client, self.upstream.transport)
        self.upstream.transport.loseConnection()
        self._finish(True)

    def cut(self) -> None:
        """End both at once; the client's side must be ended by the caller."""
        self._over = True
        self.upstream.receiver = None
        uncouple(self._client, self.upstream.transport)
        self.upstream.transport.abortConnection()

    def _stop(self, action: Action, count: int) -> None:
        if not self._over:
            self._over = True
            self._exceeded(action, count)

    def _finish(self, clean: bool) -> None:
        if not self._over:
            self._over = True
            self._ended(clean)
