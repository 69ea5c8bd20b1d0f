"""Which of a site's addresses is connected to, and that none is this machine itself."""

import socket
from ipaddress import ip_address

import pytest

from appliance.proxy.addresses import numeric
from appliance.proxy.dial import Dial
from appliance.proxy.eyeballs import DELAY
from appliance.proxy.replies import Cause
from appliance.proxy.wire import NOBODY, Wire

from .desk_school import Loop

ITSELF, SITE, OTHER = "127.0.0.1", "127.0.0.2", "127.0.0.3"
"""What goes to the last two comes from the first one: a machine speaks to its other loopback addresses so."""


class Town(Loop):
    """Sites that listen at one port."""

    def __init__(self):
        super().__init__()
        self.told, self.sites = [], {}
        self.port = self._listens(SITE, 0)

    def _listens(self, address, port):
        self.sites[address] = socket.create_server((address, port))
        return self.sites[address].getsockname()[1]

    def also(self, address):
        self._listens(address, self.port)

    def dial(self, *addresses, inside=False):
        one = Dial(self.poller, self.deadlines, addresses, self.port, inside, 10.0, self.told.append)
        one.start()
        return one

    def told_after(self, *addresses, inside=False):
        """What is told of a dial, once: a cause, or whom it is connected to."""
        one = self.dial(*addresses, inside=inside)
        for _ in range(3):
            self.turn(DELAY)
        assert not one.wanted
        assert not any(self.deadlines._buckets.values())
        (told,) = self.told
        if not isinstance(told, Wire):
            assert len(self.poller) == 0
            return told
        assert (told.receiver, told.blocked, told.gone, len(self.poller)) == (NOBODY, False, False, 1)
        with socket.socket(fileno=socket.dup(told.descriptor)) as connected:
            return connected.getpeername()[0]

    def close(self):
        for one in (*self.told, *self.sites.values()):
            if not isinstance(one, Cause):
                one.close()
        self.poller.stop()


@pytest.fixture
def town():
    one = Town()
    yield one
    one.close()


def test_the_first_address_that_answers_is_taken(town):
    assert town.told_after(SITE, OTHER) == SITE


def test_one_that_refuses_is_followed_by_the_next(town):
    assert town.told_after(OTHER, SITE) == SITE


def test_when_all_refuse_there_is_no_connection(town):
    assert town.told_after(OTHER, "127.0.0.4") is Cause.NO_CONNECTION


@pytest.mark.parametrize("listens", [False, True])
def test_this_machine_itself_is_not_connected_to_and_nobody_learns_what_listens_there(town, listens):
    if listens:
        town.also(ITSELF)
    assert town.told_after(ITSELF) is Cause.INSIDE


def test_another_address_of_the_same_name_is_tried(town):
    town.also(ITSELF)
    assert town.told_after(ITSELF, SITE) == SITE


def test_an_exception_may_be_this_machine(town):
    town.also(ITSELF)
    assert town.told_after(ITSELF, inside=True) == ITSELF


def test_the_same_address_written_for_the_other_family_is_this_machine(town):
    assert town.told_after(numeric(ip_address("::ffff:127.0.0.1"))) is Cause.INSIDE


def test_who_gives_up_is_told_nothing_and_nothing_is_left(town):
    one = town.dial(SITE, OTHER)
    one.cancel()
    for _ in range(3):
        town.turn(DELAY)
    assert town.told == []
    assert (len(town.poller), any(town.deadlines._buckets.values())) == (0, False)


def test_who_takes_too_long_is_given_up(town):
    town.dial(SITE)
    town.reactor.advance(11.0)
    town.deadlines.sweep(town.reactor.seconds())  # nobody looks whether it has answered
    assert town.told == [Cause.NO_CONNECTION]
    assert len(town.poller) == 0


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:c000:201", "::ffff:192.0.2.1"),
        ("fe80:0::1%eth0", "fe80::1%eth0"),
        ("2001:db8::1%eth0", "2001:db8::1"),
    ],
)
def test_addresses_are_written_as_the_kernel_writes_them(address, text):
    assert numeric(ip_address(address)) == text
