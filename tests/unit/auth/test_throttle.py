"""The throttle as a pure model: instants are numbers, nothing waits."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.auth.throttle import Allowances, Attempt, Throttle, Wait
from appliance.daemon.counts import Counts, Pace

PACE = Pace(first_delay=1.0, factor=2.0, max_delay=60.0)
ALLOWANCES = Allowances(pair=3, address=20, account=60, window=900.0)


def fail(throttle: Throttle, login: str, address: str | None, now: float) -> bool:
    """Guess wrongly if admitted; tell whether the guess was checked."""
    attempt = throttle.admit(login, address, now)
    if isinstance(attempt, Wait):
        return False
    throttle.settle(attempt, False, now)
    return True


def seconds(throttle: Throttle, login: str, address: str | None, now: float) -> float:
    """How long one would have to wait; leaves no trace."""
    attempt = throttle.admit(login, address, now)
    if isinstance(attempt, Wait):
        return attempt.seconds
    throttle.settle(attempt, None, now)
    return 0.0


def hammer(throttle: Throttle, login: str, address: str | None, start: float, end: float) -> int:
    """Guess as fast as admitted; return how many guesses were checked."""
    checked, now = 0, start
    while now < end:
        attempt = throttle.admit(login, address, now)
        if isinstance(attempt, Wait):
            now += attempt.seconds
            continue
        throttle.settle(attempt, False, now)
        checked += 1
        now += 0.02
    return checked


def test_first_failures_cost_nothing_then_delays_grow_to_the_longest() -> None:
    throttle, now, delays = Throttle(ALLOWANCES, PACE), 0.0, []
    for _ in range(12):
        assert fail(throttle, "fred", "10.0.0.1", now)
        delays.append(seconds(throttle, "fred", "10.0.0.1", now))
        now += delays[-1]
    assert delays[:2] == [0.0, 0.0]
    assert delays[2] == 1.0
    assert all(1.5 < later / earlier <= 2.0 for earlier, later in itertools.pairwise(delays[2:7]))
    assert max(delays) <= 60.0
    assert delays[-1] > 30.0


def test_a_little_time_between_failures_does_not_raise_the_bar() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    assert [fail(throttle, "fred", "10.0.0.1", now) for now in (0.0, 20.0, 40.0, 40.5)] == [True, True, True, False]


def test_a_delayed_attempt_is_neither_checked_nor_counted() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    for _ in range(3):
        fail(throttle, "fred", "10.0.0.1", 0.0)
    for _ in range(100):
        assert not fail(throttle, "fred", "10.0.0.1", 0.5)
    assert seconds(throttle, "fred", "10.0.0.1", 1.0) == 0.0


def test_a_right_password_clears_the_pair() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    for _ in range(3):
        fail(throttle, "fred", "10.0.0.1", 0.0)
    attempt = throttle.admit("fred", "10.0.0.1", 2.0)
    assert isinstance(attempt, Attempt)
    throttle.settle(attempt, True, 2.0)
    assert [fail(throttle, "fred", "10.0.0.1", 2.0) for _ in range(4)] == [True, True, True, False]


def test_a_pupil_hammering_from_one_address_does_not_lock_his_teacher_out() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    checked = hammer(throttle, "teacher", "10.0.0.66", 0.0, 12 * 3600.0)
    assert checked < 12 * 90
    assert seconds(throttle, "teacher", "10.0.0.66", 12 * 3600.0 - 1) > 0
    assert seconds(throttle, "teacher", "10.0.0.1", 12 * 3600.0) == 0.0
    assert seconds(throttle, "teacher", None, 12 * 3600.0) == 0.0


def test_a_room_full_of_hammering_pupils_reaches_the_bar_but_not_the_teachers_own_computer() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    own = throttle.admit("teacher", "10.0.0.1", 0.0)
    assert isinstance(own, Attempt)
    throttle.settle(own, True, 0.0)
    for place in range(30):
        hammer(throttle, "teacher", f"10.0.1.{place}", 1.0, 2.0)
    assert seconds(throttle, "teacher", "10.0.2.1", 2.0) > 0.0
    assert seconds(throttle, "teacher", "10.0.0.1", 2.0) == 0.0
    assert seconds(throttle, "fred", "10.0.2.1", 2.0) == 0.0


def test_one_address_that_tries_many_logins_is_delayed_others_are_not() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    checked = sum(fail(throttle, f"pupil{number}", "10.0.0.66", 0.0) for number in range(1000))
    assert checked == ALLOWANCES.address
    assert seconds(throttle, "pupil5", "10.0.0.66", 0.5) > 0.0
    assert seconds(throttle, "pupil5", "10.0.0.1", 0.5) == 0.0


def test_one_bad_machine_behind_a_shared_address_does_not_lock_out_who_signed_in_from_it_before() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    own = throttle.admit("teacher", "10.0.0.66", 0.0)
    assert isinstance(own, Attempt)
    throttle.settle(own, True, 0.0)
    for number in range(1000):
        fail(throttle, f"pupil{number}", "10.0.0.66", 1.0)
    assert seconds(throttle, "stranger", "10.0.0.66", 1.5) > 0.0
    assert seconds(throttle, "teacher", "10.0.0.66", 1.5) == 0.0
    assert [fail(throttle, "teacher", "10.0.0.66", 1.5) for _ in range(4)] == [True, True, True, False]


def test_with_an_account_of_ones_own_nobody_clears_his_address() -> None:
    throttle, checked = Throttle(ALLOWANCES, PACE), 0
    for number in range(1000):
        own = throttle.admit("own", "10.0.0.66", 0.0)
        if isinstance(own, Attempt):
            throttle.settle(own, True, 0.0)
        checked += fail(throttle, f"pupil{number}", "10.0.0.66", 0.0)
    assert checked == ALLOWANCES.address


def test_a_class_signs_in_at_once_from_one_address() -> None:
    throttle = Throttle(Allowances(), Pace())
    attempts = [throttle.admit(f"pupil{number}", "10.0.0.1", 0.0) for number in range(30)]
    for attempt in attempts:
        assert isinstance(attempt, Attempt)
        throttle.settle(attempt, True, 0.1)


def test_guesses_made_at_once_are_worth_no_more_than_one_by_one() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    admitted = [throttle.admit("fred", "10.0.0.1", 0.0) for _ in range(100)]
    flying = [attempt for attempt in admitted if isinstance(attempt, Attempt)]
    assert len(flying) == ALLOWANCES.pair
    for attempt in flying:
        throttle.settle(attempt, False, 0.1)
    assert seconds(throttle, "fred", "10.0.0.1", 0.2) > 0.0


def test_what_nobody_could_check_is_no_failure() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    for _ in range(100):
        attempt = throttle.admit("fred", "10.0.0.1", 0.0)
        assert isinstance(attempt, Attempt)
        throttle.settle(attempt, None, 0.0)


def test_failures_are_forgotten_over_the_window() -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    for _ in range(3):
        fail(throttle, "fred", "10.0.0.1", 0.0)
    assert [fail(throttle, "fred", "10.0.0.1", 901.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    throttle = Throttle(ALLOWANCES, PACE)
    for _ in range(3):
        fail(throttle, "fred", one, 0.0)
    assert (seconds(throttle, "fred", other, 0.0) > 0) is same


def test_an_address_that_is_none_is_an_error_and_leaves_nothing() -> None:
    with pytest.raises(ValueError, match="address"):
        Throttle(ALLOWANCES, PACE).admit("fred", "mail.example", 0.0)


def test_memory_is_bounded_and_flooding_does_not_reset_a_delay() -> None:
    throttle = Throttle(ALLOWANCES, PACE, capacity=200)
    now = 0.0
    for _ in range(8):
        now += seconds(throttle, "teacher", "10.0.0.66", now)
        fail(throttle, "teacher", "10.0.0.66", now)
    before = seconds(throttle, "teacher", "10.0.0.66", now)
    for number in range(5000):  # as if he had 5000 addresses, two guesses from each
        for _ in range(2):
            fail(throttle, f"nobody{number}", f"10.{number // 250}.1.{number % 250}", now)
    assert seconds(throttle, "teacher", "10.0.0.66", now) == before > 10.0
    assert len(throttle) <= 4 * 200


class TestCounts:
    def test_settling_after_others_were_evicted_works(self) -> None:
        counts = Counts(2, 10.0, PACE, 4)
        for key in "abcdef":
            counts.start(key, 0.0)
        for key in "abcdef":
            counts.failed(key, 0.0)
        counts.start("g", 0.0)
        assert len(counts) <= 5

    def test_a_settled_success_leaves_nothing_behind(self) -> None:
        counts = Counts(2, 10.0, PACE, 4)
        counts.start("a", 0.0)
        counts.dropped("a")
        assert len(counts) == 0

    @pytest.mark.parametrize(
        "pace", [Pace(0.0, 2.0, 60.0), Pace(5.0, 1.0, 60.0), Pace(5.0, 2.0, 1.0), Pace(1.0, 10.0, 3600.0)]
    )
    def test_odd_paces_stay_within_their_longest_delay(self, pace: Pace) -> None:
        counts = Counts(1, 1.0, pace, 10)
        for _ in range(3000):
            counts.start("a", 0.0)
            counts.failed("a", 0.0)
        assert counts.wait("a", 0.0) <= pace.max_delay


steps = st.lists(
    st.tuples(
        st.sampled_from(["teacher", "fred", "nobody"]),
        st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", None]),
        st.sampled_from([True, False, False, False, None]),
        st.floats(0.0, 200.0, allow_nan=False),
    ),
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(steps)
def test_what_others_do_elsewhere_below_the_bar_never_delays(
    history: list[tuple[str, str | None, bool | None, float]],
) -> None:
    """Invariant: whatever was tried from other addresses, below the account's bar a fresh one is admitted at once."""
    throttle, now = Throttle(ALLOWANCES, PACE), 0.0
    for login, address, right, pause in history[: ALLOWANCES.account - 1]:
        now += pause
        attempt = throttle.admit(login, address, now)
        if isinstance(attempt, Attempt):
            throttle.settle(attempt, right, now)
    assert seconds(throttle, "teacher", "192.0.2.7", now) == 0.0


@settings(max_examples=100, deadline=None)
@given(steps)
def test_waiting_as_long_as_told_is_enough(history: list[tuple[str, str | None, bool | None, float]]) -> None:
    """Invariant: after the announced seconds without further attempts the next one is admitted."""
    throttle, now = Throttle(ALLOWANCES, PACE), 0.0
    for login, address, right, pause in history:
        now += pause
        attempt = throttle.admit(login, address, now)
        if isinstance(attempt, Wait):
            assert 0 < attempt.seconds <= PACE.max_delay
            now += attempt.seconds + 1e-6
            attempt = throttle.admit(login, address, now)
        assert isinstance(attempt, Attempt)
        throttle.settle(attempt, right, now)


@settings(max_examples=30, deadline=None)
@given(st.floats(600.0, 7200.0), st.integers(1, 40))
def test_guesses_per_hour_are_few_however_many_logins(duration: float, logins: int) -> None:
    """Invariant: one address gets its allowance, what is forgotten in the meantime, and one guess per longest delay."""
    throttle, now, checked = Throttle(ALLOWANCES, PACE), 0.0, 0
    while now < duration:
        shortest = PACE.max_delay
        for number in range(logins):
            attempt = throttle.admit(f"pupil{number}", "10.0.0.66", now)
            if isinstance(attempt, Wait):
                shortest = min(shortest, attempt.seconds)
            else:
                throttle.settle(attempt, False, now)
                checked += 1
                shortest = 0.01
        now += shortest
    forgotten = ALLOWANCES.address * duration / ALLOWANCES.window
    assert checked <= ALLOWANCES.address + PACE.steps + forgotten + duration / PACE.max_delay + 1
