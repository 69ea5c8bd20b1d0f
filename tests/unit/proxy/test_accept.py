"""How many connections there are, and who is taken in while descriptors run out or the service stops."""

import contextlib
import socket

import pytest

from appliance.proxy.accept import Connections, Port
from appliance.proxy.poll import Poller
from appliance.proxy.wire import Receiver
from tests.unit.proxy.test_poll import Reactor


class Held:
    """A connection that somebody has."""

    def __init__(self):
        self.receiver = Receiver()


class Newcomers:
    """Takes in wires, writes down from where."""

    def __init__(self):
        self.wires, self.addresses = [], []

    def begin(self, wire, address):
        self.wires.append(wire)
        self.addresses.append(address)

    def readable(self, wire):
        """Leave it."""


@pytest.fixture
def door():
    """A listening socket, its port, those who came in, and the poller, for two connections beside the socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as stack:
        poller, came = Poller(Reactor(), most=3), Newcomers()

        def knock():
            return stack.enter_context(socket.create_connection(listener.getsockname(), 5))

        yield Port(poller, listener, lambda: came, None), knock, came, poller
        for wire in came.wires:
            wire.close()
        poller.stop()


def test_connections_are_counted_by_address_until_each_has_left():
    connections = Connections(3, 2)
    one, two, three, four = (Held() for _ in range(4))
    assert connections.enter(one, "10.1.0.1")
    assert connections.enter(two, "10.1.0.1")
    assert not connections.enter(three, "10.1.0.1"), "one too many of this address"
    assert not connections.enter(four, "10.1.0.2"), "one too many of all"
    assert list(connections) == [each.receiver for each in (one, two, three, four)]
    connections.exit(three)
    assert len(connections) == 3
    for _ in range(2):
        for each in (one, two, three, four):
            connections.exit(each)
    assert len(connections) == 0
    assert not connections._by_address
    assert connections.enter(one, "10.1.0.1")


def test_some_more_are_told_and_a_flood_is_not():
    connections = Connections(1000, 2)
    held = [Held() for _ in range(60)]
    told = [connections.enter(one, "10.1.0.1") or not connections.flooded("10.1.0.1") for one in held]
    assert told == [True] * 52 + [False] * 8
    assert not connections.flooded("10.1.0.2")
    for one in held:
        connections.exit(one)
    assert not connections.flooded("10.1.0.1")
    assert not connections._by_address, "to ask about an address keeps nothing of it"


def test_who_knocks_comes_in_with_the_address_that_rules_know(door):
    _port, knock, came, poller = door
    knock()
    poller.doRead()
    assert came.addresses == ["127.0.0.1"]


def test_when_descriptors_run_out_who_knocks_waits_and_one_line_says_so(door, caplog):
    _port, knock, came, poller = door
    for _ in range(4):
        knock()
    for _ in range(8):
        poller.doRead()
        poller.reactor.advance(0.25)
    assert len(came.wires) == 2
    assert caplog.text.count("no descriptors are left") == 1
    came.wires.pop(0).close()
    poller.reactor.advance(0.25)
    poller.doRead()
    assert len(came.wires) == 2
    assert caplog.text.count("no descriptors are left") == 1


@pytest.mark.parametrize("full", [True, False])
def test_nobody_is_taken_in_after_the_stop(door, full):
    port, knock, came, poller = door
    for _ in range(3 if full else 0):
        knock()
    poller.doRead()
    before = len(came.wires)
    poller.again(port)  # as when it was told of somebody in the last batch
    port.stop()
    knock()
    poller.reactor.advance(1)
    poller.doRead()
    assert len(came.wires) == before
    assert poller.reactor.getDelayedCalls() == []
