"""What all connections of a worker share. May live here: the parts, and the durations between them. May not: steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.daemon.options_network import NetworkPort
from appliance.daemon.sessions import Sessions
from appliance.proxy.accept import Connections
from appliance.proxy.deadlines import Deadlines
from appliance.proxy.familiar import Tunnels
from appliance.proxy.gate import Gate
from appliance.proxy.guest import Reception
from appliance.proxy.page import Letterhead
from appliance.proxy.poll import Poller
from appliance.proxy.splice import Pipes
from appliance.proxy.upstream import Connector
from appliance.proxy.wire import Wire


@dataclass(frozen=True, slots=True)
class Times:
    """How long (s) a head may take, an idle connection is kept, and nothing may move in an answer and in a tunnel."""

    head: float
    idle: float
    answer: float
    tunnel: float


@dataclass(slots=True)
class Desk:
    """Replaced part by part when settings change. ``unnamed``: where those may go who name no site."""

    poller: Poller
    deadlines: Deadlines
    pipes: Pipes
    reception: Reception
    gate: Gate
    connector: Connector
    sessions: Sessions
    connections: Connections
    unnamed: Sequence[NetworkPort]
    language: str
    letterhead: Letterhead
    times: Times
    tunnels: Tunnels
    stopping: bool = False

    def forget(self, client: Wire) -> None:
        """Count ``client`` no more, and do not look at it: it has ended."""
        self.connections.exit(client)
        self.deadlines.forget(client)
