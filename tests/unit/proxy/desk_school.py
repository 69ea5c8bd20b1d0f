"""A desk with as much on it as a connection needs from its first byte on; the sites and the policy are the test's."""

import socket
from dataclasses import fields
from types import SimpleNamespace

from appliance.proxy.accept import Connections
from appliance.proxy.deadlines import Deadlines
from appliance.proxy.desk import Desk, Times
from appliance.proxy.poll import Poller
from appliance.proxy.splice import Pipes
from appliance.proxy.target import Where
from appliance.proxy.wire import Wire
from tests.unit.proxy.test_poll import Reactor

PLACE = Where("www.example.org", 443)
TIMES = Times(head=10.0, idle=60.0, answer=30.0, tunnel=3600.0)


class Session:
    """A tunnel that lets everything pass."""

    paced, inside, flow, way = False, False, None, PLACE
    wish = SimpleNamespace(tunnel=True, where=PLACE)

    def __init__(self):
        self.outcomes, self.requests = [], 0

    def count_up(self, _size, _now):
        return True

    count_down = count_up

    def over(self, outcome):
        self.outcomes.append(outcome)
        self.flow = None


class Sessions(set):
    """Those that are open."""

    remove = set.discard


class Loop:
    """What turns all that is here."""

    def __init__(self):
        self.reactor = Reactor()
        self.poller = Poller(self.reactor)
        self.deadlines = Deadlines(self.poller.now)

    def turn(self, seconds=0.0):
        """Serve what has come, and look at who is late after ``seconds``."""
        self.reactor.advance(seconds)
        self.poller.doRead()
        self.deadlines.sweep(self.reactor.seconds())


class Scene(Loop):
    """``client`` and ``site`` are the far ends of the wires that :meth:`wires` gives, of ``session``."""

    wire = Wire

    def __init__(self, **parts):
        super().__init__()
        self.connections = Connections(9, 9)
        self.session = Session()
        self.sessions = Sessions([self.session])
        mine = {name: getattr(self, name) for name in ("poller", "deadlines", "connections", "sessions")}
        all_ = dict.fromkeys(field.name for field in fields(Desk))
        self.desk = Desk(**all_ | mine | {"pipes": Pipes(2), "times": TIMES} | parts)
        (self.client, self._near), (self.site, self._far) = socket.socketpair(), socket.socketpair()

    def wires(self):
        """Those of the client and of the site, which nobody has yet."""
        return [self._wire(one) for one in (self._near, self._far)]

    def _wire(self, one):
        one.setblocking(False)
        wire = self.wire(self.poller, one.detach(), None)
        self.poller.watch(wire.descriptor, wire)
        return wire

    def nothing_is_left(self):
        """Whether everything was given back, but for the far ends."""
        counted = len(self.connections), len(self.sessions), len(self.poller)
        return not any(counted) and not any(self.deadlines._buckets.values())

    def close(self):
        for one in (self.client, self.site):
            one.close()
        self.turn()
        self.desk.pipes.close()
        self.poller.stop()
