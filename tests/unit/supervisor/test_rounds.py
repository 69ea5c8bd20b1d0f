"""Rounds that are stopped: who hangs is left, and it is known that he is."""

from threading import Event

import pytest
from twisted.internet.task import Clock

from appliance.supervisor.rounds import Pool, Round, stop_all

WITHIN = 4.0


class Reactor(Clock):
    """Time that a test moves on; what threads hand in is not looked at."""

    def callFromThread(self, *_):
        return None


@pytest.fixture
def pool():
    pool = Pool(1, 2, "round")
    pool.start()
    yield pool
    pool.stop()


def test_rounds_that_rest_are_over_at_once(pool):
    found = []
    stop_all([Round(Reactor(), pool, int, lambda _: None)], Reactor(), WITHIN).addCallback(found.append)
    assert found == [True]


def test_one_that_hangs_is_left_after_a_while_and_that_is_told(pool):
    reactor, hangs, found = Reactor(), Event(), []
    waits = Round(reactor, pool, hangs.wait, lambda _: None)
    waits.now()
    stop_all([waits, Round(reactor, pool, int, lambda _: None)], reactor, WITHIN).addCallback(found.append)
    assert found == []
    reactor.advance(WITHIN)
    hangs.set()
    assert found == [False]
