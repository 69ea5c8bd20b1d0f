"""One line for several workers."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.line import Line
from appliance.proxy.line_part import Wants, part, weights

RATE = 12_500_000.0
NOBODY = Wants(0.0, frozenset())


def wants(*hungry, light=0.0):
    return Wants(light, frozenset(hungry))


def test_a_worker_alone_has_the_whole_line():
    assert part(RATE, NOBODY, []) == 1.0
    assert part(RATE, wants(1, 2), []) == 1.0
    assert part(RATE, wants(1), [NOBODY]) == 1.0


def test_accounts_count_and_not_workers():
    assert part(RATE, wants(1), [wants(2, 3)]) == 1 / 3
    assert part(RATE, wants(2, 3), [wants(1)]) == 2 / 3


def test_who_is_served_by_two_counts_once():
    one, two = wants(1, 2), wants(1)
    assert part(RATE, one, [two]) == 0.75
    assert part(RATE, two, [one]) == 0.25
    assert weights(one, [two]) == {1: 0.5}


def test_who_wants_little_takes_it_first():
    assert part(RATE, wants(1), [Wants(RATE / 2, frozenset())]) == 0.5
    assert part(RATE, Wants(RATE / 2, frozenset()), [wants(1)]) == 0.75, "and room for one who would wait"


@given(
    st.lists(
        st.builds(Wants, st.floats(0, 2 * RATE), st.frozensets(st.integers(0, 9), max_size=6)), min_size=1, max_size=5
    )
)
def test_the_parts_of_those_who_wait_are_the_line_at_the_most(all_wants):
    parts = [part(RATE, one, [*all_wants[:n], *all_wants[n + 1 :]]) for n, one in enumerate(all_wants)]
    assert all(0 < one <= 1 for one in parts)
    light = sum(one.light for one in all_wants) / RATE
    hungry = [one for one, wants in zip(parts, all_wants, strict=True) if wants.hungry]
    assert sum(hungry) <= max(1.0, light + 0.1) + 1e-9


def test_fifty_tunnels_over_two_workers_beside_ten_with_one_each():
    lines = [Line(RATE), Line(RATE)]
    moved, now = {}, 0.0
    for line in lines:
        line.watched = True

    def flow(line, login):
        share = line.share(login)

        def run():
            while taken := share.take(65536):
                moved[login] = moved.get(login, 0) + taken
            share.wait(run)

        run()

    for number in range(50):
        flow(lines[number % 2], "many")
    for number in range(10):
        flow(lines[number % 2], f"one{number}")
    for tick in range(1, 1201):
        now += 0.025
        for line in lines:
            line.tick(now)
        if tick % 10 == 0:
            seen = [Wants(light / 0.25, frozenset(hungry)) for light, hungry in (line.wants() for line in lines)]
            for number, line in enumerate(lines):
                others = [seen[1 - number]]
                line.part = part(RATE, seen[number], others)
                line.weigh(weights(seen[number], others))
        if tick == 200:
            moved.clear()
    fair = RATE * 25 / 11
    assert min(moved.values()) >= 0.9 * fair
    assert max(moved.values()) <= 1.1 * fair
    assert sum(moved.values()) <= 1.02 * RATE * 25
