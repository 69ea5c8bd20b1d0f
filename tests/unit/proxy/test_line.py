"""One line shared fairly, in a simulation of its own time: whatever is seen is the same in each run."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.proxy.line import Line

RATE = 12_500_000.0  # 100 Mbit/s
TICK = 0.03


class Flow:
    """A connection that always has more, or moves ``demand`` bytes a second."""

    def __init__(self, world, login, demand=None):
        self.world = world
        self.share = world.line.share(login)
        self.demand = demand
        self.due = 0.0
        self.moved = 0
        self.waits = False
        self.since = world.now
        self.longest = 0.0
        world.flows.append(self)

    def run(self):
        while not self.waits:
            most = 65536 if self.demand is None else min(65536, int(self.due))
            if most == 0:
                return
            taken = self.share.take(most)
            assert 0 <= taken <= most
            self.moved += taken
            self.due -= taken
            if taken == 0:
                self.waits, self.since = True, self.world.now
                self.share.wait(self.resume)

    def resume(self):
        self.waits = False
        self.longest = max(self.longest, self.world.now - self.since)
        if self.world.at_once:
            self.run()


class World:
    """Ticks while anybody waits; connections are served between ticks, or in them (``at_once``)."""

    def __init__(self, rate=RATE, at_once=True):
        self.line = Line(rate)
        self.flows = []
        self.now = 100.0
        self.at_once = at_once

    def run(self, seconds):
        for _ in range(round(seconds / TICK)):
            for flow in self.flows:
                if flow.demand is not None:
                    flow.due += flow.demand * TICK
                flow.run()
            self.now += TICK
            if self.line.waiting:
                self.line.tick(self.now)

    def rates(self, seconds):
        """Bytes a second of each flow over the next ``seconds``."""
        before = [flow.moved for flow in self.flows]
        self.run(seconds)
        return [(flow.moved - moved) / seconds for flow, moved in zip(self.flows, before, strict=True)]


@pytest.mark.parametrize("at_once", [False, True])
def test_fifty_tunnels_beside_ten_with_one_each(at_once):
    world = World(at_once=at_once)
    for _ in range(50):
        Flow(world, "many")
    for number in range(10):
        Flow(world, f"one{number}")
    rates = world.rates(30.0)
    fair = RATE / 11
    assert min(rates[50:]) >= 0.95 * fair
    assert sum(rates) == pytest.approx(RATE, rel=0.02)
    assert not at_once or min(rates[:50]) >= 0.8 * fair / 50, "its tunnels come in turn"


def test_one_account_alone_has_the_whole_line():
    world = World()
    Flow(world, "fred")
    assert world.rates(10.0)[0] == pytest.approx(RATE, rel=0.02)


def test_who_comes_later_has_his_part_at_once():
    world = World()
    for number in range(10):
        Flow(world, f"user{number}")
    world.run(5.0)
    new = Flow(world, "new")
    world.run(0.21)
    assert new.moved >= 0.95 * RATE / 11 * 0.2
    assert world.rates(1.0)[10] == pytest.approx(RATE / 11, rel=0.05)


def test_who_goes_leaves_his_part_to_the_others():
    world = World()
    stays, goes = Flow(world, "stays"), Flow(world, "goes")
    world.run(2.0)
    world.flows.remove(goes)
    goes.demand, goes.due = 0, 0.0
    goes.share.release()
    assert world.rates(2.0)[0] == pytest.approx(RATE, rel=0.05)
    assert len(world.line) == 1
    assert stays.moved > 0


def test_who_wants_little_is_not_slowed():
    world = World()
    for number in range(10):
        Flow(world, f"user{number}")
    light = [Flow(world, f"light{number}", demand=RATE / 30) for number in range(5)]
    world.run(1.0)
    for flow in light:
        flow.longest = 0.0
    rates = world.rates(10.0)
    assert rates[10:] == pytest.approx([RATE / 30] * 5, rel=0.01)
    assert sum(rates) == pytest.approx(RATE, rel=0.02)
    assert [flow.longest for flow in light] == [0.0] * 5
    assert min(rates[:10]) >= 0.95 * (RATE - 5 * RATE / 30) / 10


def test_a_page_of_an_idle_account_comes_without_waiting():
    world = World()
    for number in range(10):
        Flow(world, f"user{number}")
    world.run(1.0)
    assert world.line.share("idle").take(65536) == 65536


def test_what_comes_at_once_is_bounded():
    line = Line(RATE)
    taken = sum(line.share(f"user{number}").take(10**6) for number in range(1000))
    assert taken <= 0.2 * RATE
    line.tick(0.0)
    for _ in range(10):
        line.share("waits").wait(lambda: None)
    line.tick(3600.0)
    assert sum(line.share(f"late{number}").take(10**6) for number in range(1000)) <= 0.2 * RATE


def test_new_connections_give_no_new_credit():
    world = World()
    for number in range(9):
        Flow(world, f"user{number}")
    world.run(1.0)
    moved, start = 0, world.now
    while world.now < start + 10:
        share = world.line.share("clever")
        moved += share.take(10**6)
        share.release()
        world.run(TICK)
    assert moved <= 1.1 * RATE / 10 * 10 + RATE / 80


def test_what_was_not_moved_goes_to_others():
    world = World()
    greedy = Flow(world, "greedy")
    for number in range(10):
        Flow(world, f"user{number}", demand=1000.0)
    for flow in world.flows[1:]:
        flow.run = lambda flow=flow: flow.share.give_back(flow.share.take(65536))
    assert world.rates(10.0)[0] == pytest.approx(RATE, rel=0.02)
    assert greedy.longest <= 2.1 * TICK


def test_flows_of_an_account_come_in_turn_and_a_broken_one_stops_nobody():
    line, woken = Line(RATE), []
    share = line.share("fred")
    while share.take(65536):
        pass
    line.tick(0.0)
    share.wait(lambda: woken.append(1))
    share.wait(lambda: 1 / 0)
    share.wait(lambda: woken.append(2))
    line.tick(0.03)
    assert woken == [1, 2]
    assert not line.waiting


def test_the_rate_may_change():
    world = World()
    flow = Flow(world, "fred")
    world.run(1.0)
    world.line.rate = RATE / 10
    world.run(1.0)
    assert world.rates(10.0)[0] == pytest.approx(RATE / 10, rel=0.02)
    world.line.part = 0.5
    world.run(1.0)
    assert world.rates(10.0)[0] == pytest.approx(RATE / 20, rel=0.02)
    assert flow.longest < 0.5


def test_accounts_that_others_serve_too_count_less():
    world = World()
    Flow(world, "here")
    Flow(world, "both")
    world.line.weigh({"both": 0.5})
    rates = world.rates(10.0)
    assert rates[0] == pytest.approx(2 * rates[1], rel=0.02)


def test_who_waits_when_the_line_is_shared_no_more_goes_on_and_waits_no_more():
    world = World(1_000_000.0, at_once=False)
    world.line.watched = True
    for number in range(20):
        Flow(world, f"user{number % 3}")
    world.run(1.0)
    assert any(flow.waits for flow in world.flows)
    world.line.end()
    assert not any(flow.waits for flow in world.flows)
    assert len(world.line.waiting) == 0
    for flow in world.flows:
        assert [flow.share.take(1 << 20) for _ in range(100)] == [1 << 20] * 100
        flow.share.give_back(1000)
        flow.share.release()


def test_what_is_wanted():
    world = World()
    world.line.watched = True
    Flow(world, "greedy")
    Flow(world, "light", demand=10_000.0)
    world.run(0.3)
    world.line.wants()
    world.run(3.0)
    light, hungry = world.line.wants()
    assert hungry == {"greedy"}
    assert light == pytest.approx(30_000, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from([None, 0.1, 0.5, 0.9, 2.0])), min_size=1, max_size=12),
    st.sampled_from([125_000.0, 1_250_000.0, 125_000_000.0]),
    st.booleans(),
)
@example([(1, None), (1, None), (4, 0.1), (4, 0.1)], 125_000.0, False)
def test_shares_are_max_min_fair(accounts, rate, at_once):
    world = World(rate, at_once)
    fair = rate / len(accounts)
    for number, (flows, demand) in enumerate(accounts):
        for _ in range(flows):
            Flow(world, str(number), None if demand is None else demand * fair / flows)
    world.run(2.0)
    rates = world.rates(20.0)
    got = [
        sum(rate for flow, rate in zip(world.flows, rates, strict=True) if flow.share._login == str(number))
        for number in range(len(accounts))
    ]
    wanted = [rate if demand is None else demand * fair for _, demand in accounts]
    left, level = rate, 0.0
    for place, want in enumerate(sorted(wanted)):
        level = max(level, min(want, left / (len(wanted) - place)))
        left -= min(want, left / (len(wanted) - place))
    for want, has in zip(wanted, got, strict=True):
        assert has >= 0.9 * min(want, level)
    assert sum(got) <= 1.02 * rate
    assert sum(got) >= 0.97 * min(rate, sum(wanted))
