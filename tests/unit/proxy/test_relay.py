"""What is left of a tunnel that has ended, and when one that cannot end is cut."""

import gc
import socket
import weakref

import pytest

from appliance.proxy.relay import Tunnel
from appliance.proxy.session import Outcome
from appliance.proxy.wire import Wire

from .desk_school import TIMES, Scene


class SeenTunnel(Tunnel):
    """One of which can be said whether it is there still."""


class SeenWire(Wire):
    """The same."""


class Open(Scene):
    """A tunnel is open."""

    wire = SeenWire

    def __init__(self):
        super().__init__()
        wires = self.wires()
        self.connections.enter(wires[0], "10.1.0.7")
        tunnel = SeenTunnel(self.desk, *wires, self.session)
        tunnel.start(b"")
        self.seen = [weakref.ref(one) for one in (tunnel, *wires)]


@pytest.fixture
def opened():
    one = Open()
    one.turn()
    gc.disable()
    yield one
    gc.enable()
    one.close()


def test_nothing_is_kept_of_one_that_has_ended(opened):
    opened.client.send(b"hello")
    opened.turn()
    assert opened.site.recv(9) == b"hello"
    opened.client.shutdown(socket.SHUT_WR)
    opened.turn()
    opened.site.close()
    opened.turn()
    assert opened.session.outcomes == [Outcome.DONE]
    assert [one() for one in opened.seen] == [None, None, None], "at once: many come and go"
    assert opened.nothing_is_left()


@pytest.mark.parametrize("who", ["client", "site"])
def test_who_does_not_read_what_is_left_is_cut_in_time(opened, who):
    reader, sender = (opened.client, opened.site) if who == "client" else (opened.site, opened.client)
    sender.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            sender.send(bytes(65536))
            opened.turn()
    reader.shutdown(socket.SHUT_WR)
    sender.close()
    for _ in range(4):
        opened.turn()
    opened.turn(TIMES.answer - 1)
    assert not opened.nothing_is_left()
    opened.turn(2)
    opened.turn()
    assert opened.nothing_is_left()


def test_one_that_is_half_closed_waits_less_long(opened):
    opened.client.shutdown(socket.SHUT_WR)
    opened.turn()
    opened.turn(TIMES.answer - 1)
    assert opened.session.outcomes == []
    opened.turn(2)
    assert opened.session.outcomes == [Outcome.BROKEN_OFF]


def test_one_at_rest_stays_as_long_as_it_may(opened):
    for _ in range(59):
        opened.turn(60.0)
    assert opened.session.outcomes == []
    opened.turn(61.0)
    assert opened.session.outcomes == [Outcome.BROKEN_OFF]
