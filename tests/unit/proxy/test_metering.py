"""Bytes of an account and host over a sliding window."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.request import Action
from appliance.proxy.metering import Count, Meters

WINDOW = 600.0
MB = 1_000_000


def test_what_was_moved_counts_for_the_window_and_a_twentieth_of_it_at_the_most():
    meter = Meters(WINDOW).of("fred", "files.example")
    assert meter.down(5 * MB, 1000.0) == 5 * MB
    assert meter.down(1, 1000.0 + WINDOW) == 5 * MB + 1
    assert meter.down(0, 1000.0 + WINDOW + WINDOW / 20) == 1


def test_directions_hosts_and_accounts_count_by_themselves():
    meters = Meters(WINDOW)
    meter = meters.of("fred", "a.example")
    meter.down(7, 1.0)
    assert meter.up(3, 1.0) == 3
    assert meters.of("fred", "b.a.example").down(1, 1.0) == 1, "a host below it is another one"
    assert meters.of("wilma", "a.example").down(1, 1.0) == 1


def test_a_new_tunnel_goes_on_counting_where_the_last_one_ended():
    meters = Meters(WINDOW)
    first, second = meters.of("fred", "a.example"), meters.of("fred", "a.example")
    assert first is second
    first.down(19 * MB, 5.0)
    first.release()
    second.release()
    meters.sweep(10.0)
    assert meters.of("fred", "a.example").down(2 * MB, 20.0) == 21 * MB


def test_when_it_is_free_again():
    meter = Meters(WINDOW).of("fred", "a.example")
    for minute in range(5):
        meter.down(6 * MB, 60.0 * minute)
    now = 300.0
    assert meter.frees(Action.WRITE, 0, now) == 0.0
    assert meter.frees(Action.FETCH, 30 * MB, now) == 0.0
    wait = meter.frees(Action.FETCH, 20 * MB, now)
    assert 360.0 < wait <= 400.0, "when the second has gone"
    assert meter.down(0, now + wait - 1) == 24 * MB
    assert meter.down(0, now + wait) == 18 * MB


def test_the_empty_ones_are_forgotten_and_the_used_ones_are_not():
    meters = Meters(WINDOW)
    used, left, idle = (meters.of("fred", host) for host in ("a.example", "b.example", "c.example"))
    used.down(1, 0.0)
    left.down(1, 0.0)
    left.release()
    idle.release()
    assert len(meters) == 2, "what counted nothing goes at once"
    for now in (1.0, 2.0, 3.0):
        meters.sweep(now)
    assert len(meters) == 2
    for _ in range(3):
        meters.sweep(10_000.0)
    assert list(meters) == [used]
    assert meters.of("fred", "a.example") is used


def test_a_sweep_looks_at_some_only_and_the_next_at_others():
    meters = Meters(WINDOW)
    for number in range(5000):
        meter = meters.of(f"user{number}", "a.example")
        meter.down(1, 0.0)
        meter.release()
    left = []
    while meters:
        meters.sweep(10_000.0)
        left.append(len(meters))
    assert len(left) > 20 and left == sorted(left, reverse=True)


def test_nobody_gets_a_sum_forgotten_by_opening_many_hosts():
    meters = Meters(WINDOW)
    full = meters.of("fred", "full.example")
    full.down(19 * MB, 1.0)
    full.release()
    for number in range(3000):
        meter = meters.of("fred", f"{number}.example")
        meter.down(10_000, 2.0)
        meter.release()
    assert len(meters) <= 1000
    assert meters.of("fred", "full.example").down(0, 3.0) == 19 * MB


def test_with_very_many_hosts_in_use_those_that_come_count_together():
    meters = Meters(WINDOW)
    held = [meters.of("fred", f"{number}.example") for number in range(3000)]
    assert len(meters) <= 1001
    assert held[-1] is held[-2]
    assert held[0] is meters.of("fred", "0.example")
    for meter in [*held, held[0]]:
        meter.release()
    assert len(meters) == 0


def test_one_account_with_many_hosts_costs_no_other_one_a_meter():
    meters = Meters(WINDOW)
    others = [meters.of(f"user{number}", "a.example") for number in range(60)]
    for meter in others:
        meter.down(1, 0.0)
        meter.release()
    for login in range(55):
        for number in range(1000):
            meter = meters.of(f"pupil{login}", f"{number}.example")
            meter.down(5, 0.0)
            meter.release()
    assert len(meters) <= 50_000
    assert [meters.of(f"user{number}", "a.example") for number in range(60)] == others


def test_a_changed_window_keeps_what_was_counted():
    meters = Meters(WINDOW)
    meter = meters.of("fred", "a.example")
    meter.down(1, 100.0)
    meter.down(10, 650.0)
    meters.window = 60.0
    assert meters.window == 60.0
    assert meter.down(100, 690.0) == 110
    meters.window = WINDOW
    assert meter.down(0, 1285.0) == 110
    assert meter.down(0, 1400.0) == 0


def test_workers_hear_what_the_others_counted_and_tell_only_their_own():
    one, two = Meters(WINDOW, b"k" * 32), Meters(WINDOW, b"k" * 32)
    one.tells = two.tells = True
    here, there = one.of("fred", "a.example"), two.of("fred", "a.example")
    here.down(100, 1.0)
    here.up(7, 1.0)
    there.down(50, 1.0)
    for_two, for_one = one.news(), two.news()
    assert [(count.up, count.down) for count in for_two] == [(7, 100)]
    two.learn(for_two, 1.1)
    one.learn(for_one, 1.1)
    assert here.down(0, 1.2) == there.down(0, 1.2) == 150
    assert here.up(0, 1.2) == there.up(0, 1.2) == 7
    assert one.news() == two.news() == []
    here.down(1, 1.3)
    one.learn([Count(one.hashed("fred"), one.hashed("a.example"), 0, 1000)], 1.3)
    here.down(1, 5000.0)
    assert [(count.up, count.down) for count in one.news()] == [(0, 2)], "whatever came and went meanwhile"


def test_workers_without_the_key_cannot_tell_whom_it_is_about():
    assert Meters(WINDOW).hashed("fred") != Meters(WINDOW).hashed("fred")


def test_nothing_readable_is_kept():
    meters = Meters(WINDOW)
    meter = meters.of("fred.mustermann", "secret.example")
    meter.down(1, 1.0)
    kept = repr([(owner.name, list(owner.meters)) for owner in meters._owners.values()])
    assert "fred" not in kept and "secret" not in kept


def test_an_idle_meter_is_small():
    meter = Meters(WINDOW).of("fred", "a.example")
    assert sys.getsizeof(meter) + 16 + sys.getsizeof(meter._about) <= 150  # 16: the collector's part
    meter.down(1, 0.0)
    for second in range(10_000):
        meter.down(1, float(second))
    assert len(meter._past) <= 3 * 21


STEPS = st.lists(
    st.tuples(st.floats(0, 100), st.booleans(), st.integers(0, 10**7), st.sampled_from("abc")), max_size=60
)


@given(STEPS, st.floats(1, 1000), st.integers(0, 10**8))
def test_the_sum_is_never_too_small_and_never_older_than_a_bucket(steps, window, most):
    meters, now, moved = Meters(window), 1000.0, []
    for number, (wait, up, n, host) in enumerate(steps):
        now += wait
        meter = meters.of("fred", host)
        sum_ = meter.up(n, now) if up else meter.down(n, now)
        moved.append((now, up, n, host))
        mine = [(at, n) for at, way, n, where in moved if (way, where) == (up, host)]
        assert sum_ >= sum(n for at, n in mine if at > now - window)
        assert sum_ <= sum(n for at, n in mine if at > now - window * 1.051)
        if number % 3:
            meter.release()
        meters.sweep(now)
    for host in "abc":
        meter = meters.of("fred", host)
        wait = meter.frees(Action.FETCH, most, now)
        assert 0 <= wait <= window * 1.06
        assert meter.down(0, now + wait) <= most


def test_hashes_of_logins_and_hosts_are_kept_and_those_of_paths_are_not():
    meters = Meters(WINDOW)
    for about in ("a.example", "http://a.example:80/secret"):
        meters.of("fred", about).release()
    assert set(meters._hashes) == {"fred", "a.example"}
