from datetime import timedelta

import pytest

from appliance.daemon.sessions import Sessions


class Open:
    """A session that ends when ``may_go_on`` is false."""

    def __init__(self, sessions, loop, every=None):
        self.sessions = sessions
        self.loop = loop
        self.every = every
        self.may_go_on = True
        self.asked = []

    def recheck(self):
        self.asked.append(self.loop.seconds)
        if not self.may_go_on:
            self.sessions.remove(self)
            return None
        return None if self.every is None else self.loop.now() + timedelta(seconds=self.every)


@pytest.fixture
def sessions(loop):
    return Sessions(loop, loop.now)


def add(sessions, loop, every=None):
    session = Open(sessions, loop, every)
    sessions.add(session, None if every is None else loop.now() + timedelta(seconds=every))
    return session


def test_a_new_snapshot_decides_all_again(sessions, loop):
    stays, goes = add(sessions, loop), add(sessions, loop)
    goes.may_go_on = False
    sessions.recheck_all()
    assert (stays.asked, goes.asked, len(sessions)) == ([0.0], [0.0], 1)
    sessions.recheck_all()
    assert len(goes.asked) == 1


def test_each_is_decided_again_when_its_decision_ends_and_not_later(sessions, loop):
    late, early, never = add(sessions, loop, 20), add(sessions, loop, 5), add(sessions, loop)
    loop.turn(19)
    assert early.asked == [5.0, 10.0, 15.0]
    assert late.asked == []
    loop.turn(1)
    assert late.asked == [20.0]
    assert never.asked == []


def test_a_removed_session_is_left_alone_and_no_timer_stays(sessions, loop):
    session = add(sessions, loop, 5)
    sessions.remove(session)
    sessions.remove(session)
    loop.turn(60)
    assert session.asked == []
    assert loop.timers == {}


def test_a_clock_set_forward_is_noticed_within_half_a_minute(sessions, loop):
    ahead = timedelta(0)
    sessions = Sessions(loop, lambda: loop.now() + ahead)
    session = add(sessions, loop, 3600)
    session.every = None
    ahead = timedelta(hours=1)
    loop.turn(30)
    assert session.asked == [30.0]


def test_an_instant_in_the_past_does_not_keep_the_loop_busy(sessions, loop):
    session = add(sessions, loop, -5)
    session.every = -5
    loop.turn(1)
    assert 15 <= len(session.asked) <= 20


def test_an_error_of_one_does_not_keep_others_and_is_tried_again(sessions, loop):
    bad, good = add(sessions, loop), add(sessions, loop)
    calls = []

    def fail():
        calls.append(loop.seconds)
        raise ZeroDivisionError

    bad.recheck = fail
    sessions.recheck_all()
    assert good.asked == [0.0]
    loop.turn(2.5)
    assert calls == [0.0, 1.0, 2.0]


def test_one_that_ends_another(sessions, loop):
    first, second = add(sessions, loop), add(sessions, loop)
    first.recheck = lambda: sessions.remove(second)
    sessions.recheck_all()
    assert second.asked == []


def test_adding_again_sets_a_new_instant(sessions, loop):
    session = add(sessions, loop, 100)
    sessions.add(session, loop.now() + timedelta(seconds=2))
    loop.turn(3)
    assert session.asked == [2.0]
    assert len(sessions) == 1
