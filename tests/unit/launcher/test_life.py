"""The life of a unit: every state, by hand-made time."""

import pytest

from appliance.supervisor.launcher.backoff import Backoff
from appliance.supervisor.launcher.life import Life, Order
from appliance.supervisor.launcher.seam import State


def life(watchdog=20.0):
    return Life(watchdog, start_timeout=60.0, stop_timeout=15.0)


def served(watchdog=20.0):
    one = life(watchdog)
    assert one.begin(0.0) is Order.START
    one.ready(1.0)
    return one


def test_waits_until_it_is_begun():
    one = life()
    assert (one.state, one.due, one.running, one.tick(1e9)) == (State.WAITING, None, False, None)


def test_is_given_up_when_it_does_not_become_ready():
    one = life()
    one.begin(0.0)
    assert one.due == 60.0
    assert one.tick(59.9) is None
    assert one.tick(60.0) is Order.ABORT
    assert (one.state, one.reason) == (State.FAILING, "not ready within 60 s")


def test_watchdog_aborts_then_kills():
    one = served()
    one.alive(10.0)
    assert one.tick(29.9) is None
    assert one.tick(30.0) is Order.ABORT
    assert one.tick(31.9) is None
    assert one.tick(32.0) is Order.KILL
    assert one.tick(40.0) is None
    one.ended(32.1, "ended by SIGKILL")
    assert (one.state, one.reason) == (State.PAUSING, "no sign of life for 20 s")
    assert one.due == pytest.approx(32.2)


def test_sign_of_life_counts_only_when_ready():
    one = life()
    one.begin(0.0)
    one.alive(50.0)
    assert one.due == 60.0


def test_without_watchdog_nothing_is_awaited():
    assert served(watchdog=None).due is None


def test_starts_again_after_a_pause_that_grows_and_is_forgotten_after_a_minute():
    one, now, pauses = served(), 1.0, []
    for _ in range(9):
        now += 1.0
        one.ended(now, "exit status 1")
        pauses.append(round(one.due - now, 1))
        assert one.tick(one.due) is Order.START
        now = one.since
        one.ready(now)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert one.restarts == 9
    one.ended(now + 60.0, "exit status 1")
    assert one.due - now - 60.0 == pytest.approx(0.1)


def test_a_hang_after_long_service_counts_as_the_first_failure():
    one = served()
    for _ in range(5):
        one.ended(one.since, "exit status 1")
        one.tick(one.due)
        one.ready(one.since)
    began = one.since
    one.alive(began + 3600.0)
    one.tick(began + 3620.0)
    one.ended(began + 3621.0, "ended by SIGABRT")
    assert one.due - began - 3621.0 == pytest.approx(0.1)


def test_time_spent_starting_is_no_service():
    one = life()
    one.begin(0.0)
    one.ended(59.0, "exit status 1")
    one.tick(59.2)
    one.ended(119.0, "exit status 1")
    assert one.due - 119.0 == pytest.approx(0.2)


def test_stop_terminates_then_kills_and_stays_stopped():
    one = served()
    assert one.stop(5.0) is Order.TERMINATE
    assert one.tick(19.9) is None
    assert one.tick(20.0) is Order.KILL
    one.ended(20.1, "ended by SIGKILL")
    assert (one.state, one.due) == (State.STOPPED, None)


def test_stop_needs_nothing_when_nothing_runs():
    one = life()
    assert one.stop(0.0) is None
    assert one.state is State.STOPPED


def test_stop_during_the_pause_cancels_the_start():
    one = served()
    one.ended(2.0, "exit status 1")
    assert one.stop(2.0) is None
    assert one.tick(1e9) is None
    assert one.state is State.STOPPED


def test_stop_while_failing_waits_for_the_end():
    one = served()
    one.tick(21.0)
    assert one.stop(21.5) is None
    assert one.tick(23.0) is Order.KILL
    one.ended(23.1, "ended by SIGKILL")
    assert one.state is State.STOPPED


def test_restart_is_without_pause():
    one = served()
    assert one.restart(5.0) is Order.TERMINATE
    one.ended(6.0, "exit status 0")
    assert one.tick(6.0) is Order.START
    assert one.restarts == 1


def test_restart_cuts_a_pause_short():
    one = served()
    for _ in range(8):
        one.ended(one.since, "exit status 1")
        one.tick(one.due)
    one.ended(one.since, "exit status 1")
    assert one.restart(one.since) is None
    assert one.tick(one.since) is Order.START


@pytest.mark.parametrize("again", ["restart", "stop"])
def test_stop_wins_over_a_restart_under_way(again):
    one = served()
    one.restart(5.0)
    getattr(one, again)(5.1)
    one.ended(6.0, "exit status 0")
    assert one.state is (State.PAUSING if again == "restart" else State.STOPPED)


def test_ready_after_the_stop_is_too_late():
    one = life()
    one.begin(0.0)
    one.stop(1.0)
    one.ready(1.5)
    assert one.state is State.STOPPING


def test_backoff_reset():
    pauses = Backoff()
    for _ in range(5):
        pauses.pause(0.0)
    pauses.reset()
    assert pauses.pause(0.0) == 0.1
