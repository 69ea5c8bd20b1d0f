"""Who is told of what, when numbers are used again, and that one fault ends nobody else."""

import os
import select
import socket

import pytest
from twisted.internet.task import Clock

from appliance.proxy.poll import Poller


class Reactor(Clock):
    """A clock that remembers who wants to be read."""

    def __init__(self):
        super().__init__()
        self.readers = []

    def addReader(self, one):
        self.readers.append(one)

    def removeReader(self, one):
        self.readers.remove(one)


class Owner:
    """Writes down what it is told, after it did what is asked of it."""

    def __init__(self, act=lambda mask: None, broken=lambda: None):
        self.told, self.broken = [], 0
        self._act, self._broken = act, broken

    def ready(self, mask):
        self.told.append(mask)
        self._act(mask)

    def broke(self):
        self.broken += 1
        self._broken()


def fail(*_arguments):
    raise ValueError("a fault")


@pytest.fixture
def poller():
    one = Poller(Reactor())
    yield one
    one.stop()


@pytest.fixture
def pairs():
    made = [socket.socketpair() for _ in range(3)]
    yield made
    for pair in made:
        for each in pair:
            if each.fileno() >= 0:
                each.close()


def test_what_is_ready_is_told_once(poller, pairs):
    (near, far), owner = pairs[0], Owner()
    poller.watch(near.fileno(), owner)
    poller.doRead()
    assert owner.told == [select.EPOLLOUT]
    far.send(b"x")
    poller.doRead()
    poller.doRead()
    assert owner.told == [select.EPOLLOUT, select.EPOLLIN | select.EPOLLOUT]


def test_who_asks_to_be_told_again_is_told_after_the_others_and_in_turns(poller, pairs):
    """Each time it asks: it has ten pieces to read."""
    pieces, turns = iter(range(10)), []
    greedy = Owner(lambda mask: poller.again(greedy) if next(pieces, None) is not None else None)
    modest = Owner(lambda mask: turns.append(len(greedy.told)))
    poller.watch(pairs[0][0].fileno(), greedy)
    poller.watch(pairs[1][0].fileno(), modest)
    poller.doRead()
    assert turns[0] <= 1
    assert 2 <= len(greedy.told) <= 5, "the reactor has other things to do, too"
    poller.reactor.advance(0)
    assert len(greedy.told) == 11
    assert poller.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("ends", [True, False])
def test_a_fault_ends_its_own_connection_and_nothing_else(poller, pairs, ends, caplog):
    broken, sound = Owner(fail, (lambda: None) if ends else fail), Owner()
    poller.watch(pairs[0][0].fileno(), broken)
    poller.watch(pairs[1][0].fileno(), sound)
    poller.doRead()
    assert broken.broken == 1
    assert sound.told == [select.EPOLLOUT]
    pairs[1][1].send(b"x")
    poller.doRead()
    assert len(sound.told) == 2
    assert poller.reactor.readers == [poller]
    assert "a connection broke" in caplog.text


def test_no_event_of_a_batch_reaches_who_got_the_number_anew(poller, pairs):
    """The first who is told ends the other one and opens something new: the number is not given again meanwhile."""
    made = []

    def act(_mask):
        if not made:
            for one, other in ((first, pairs[1][0]), (second, pairs[0][0])):
                if one.told:
                    number = other.detach()
                    poller.close(number)
                    made.append((number, os.dup(pairs[2][0].fileno())))
                    poller.watch(made[0][1], Owner(fail))

    first, second = Owner(act), Owner(act)
    poller.watch(pairs[0][0].fileno(), first)
    poller.watch(pairs[1][0].fileno(), second)
    poller.doRead()
    ((closed, opened),) = made
    assert closed != opened
    assert sorted([len(first.told), len(second.told)]) == [0, 1]
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(closed)
    poller.close(opened)


def test_what_is_watched_no_more_stays_open_and_silent(poller, pairs):
    (near, far), owner = pairs[0], Owner()
    poller.watch(near.fileno(), owner)
    assert len(poller) == 1
    poller.forget(near.fileno())
    poller.forget(near.fileno())
    assert len(poller) == 0
    far.send(b"x")
    poller.doRead()
    assert owner.told == []
    assert near.recv(1) == b"x"


def test_no_more_than_the_most_are_watched_and_the_last_are_for_sites(pairs):
    poller = Poller(Reactor(), most=8)
    made = [os.dup(pairs[0][0].fileno()) for _ in range(9)]
    for number, one in enumerate(made[:8]):
        assert poller.full == (number >= 7)
        poller.watch(one, Owner())
    with pytest.raises(OSError, match="Too many open files"):
        poller.watch(made[8], Owner())
    poller.forget(made[0])
    poller.watch(made[8], Owner())
    poller.stop()
    for one in made:
        os.close(one)


def test_after_the_end_nothing_is_told_and_descriptors_can_be_closed_still(pairs):
    poller, owner = Poller(Reactor()), Owner()
    poller.watch(pairs[0][0].fileno(), owner)
    poller.again(owner)
    poller.stop()
    assert poller.reactor.readers == []
    assert poller.reactor.getDelayedCalls() == []
    poller.doRead()
    assert owner.told == []
    assert poller.fileno() == -1
    poller.close(pairs[0][0].detach())
