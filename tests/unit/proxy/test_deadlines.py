"""When late ones are looked at, and how often."""

from appliance.proxy.deadlines import NEVER, Deadlines


class Waiting:
    """Gives the ``answers`` one after the other, then ``None``; an exception among them is raised."""

    def __init__(self, *answers):
        self.due = NEVER
        self.answers = list(answers)
        self.ticks = []

    def tick(self, now):
        self.ticks.append(now)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_nobody_is_looked_at_too_early_and_all_within_a_quarter_of_a_second():
    deadlines = Deadlines(100.0)
    late = {at: Waiting() for at in (100.0, 100.01, 100.24, 100.25, 103.0, 1e6)}
    for at, one in late.items():
        deadlines.watch(one, at)
    for step in range(20):
        deadlines.sweep(100.0 + step / 8)
    for at, one in late.items():
        if at < 102:
            (seen,) = one.ticks
            assert at <= seen <= at + 0.5
        else:
            assert one.ticks == []


def test_who_gives_another_instant_is_looked_at_again_then():
    deadlines, one = Deadlines(0.0), Waiting(5.0)
    deadlines.watch(one, 1.0)
    for second in range(10):
        deadlines.sweep(float(second))
    assert one.ticks == [2.0, 6.0]


def test_an_instant_that_has_passed_comes_with_the_next_sweep_and_not_within_this_one():
    deadlines, one = Deadlines(0.0), Waiting(0.0, 0.0)
    deadlines.watch(one, 50.0)
    deadlines.sweep(100.0)
    assert one.ticks == [100.0]
    deadlines.sweep(100.0)
    assert one.ticks == [100.0]
    deadlines.sweep(100.25)
    assert one.ticks == [100.0, 100.25]


def test_nor_when_others_are_still_to_be_looked_at_within_it():
    deadlines, one, other = Deadlines(0.0), Waiting(2.0), Waiting()
    deadlines.watch(one, 1.0)
    deadlines.watch(other, 2.0)
    deadlines.sweep(10.0)
    assert (one.ticks, other.ticks) == ([10.0], [10.0])
    deadlines.sweep(10.25)
    assert one.ticks == [10.0, 10.25]


def test_a_clock_that_stood_still_leaves_nobody_out():
    deadlines = Deadlines(0.0)
    many = [Waiting() for _ in range(1000)]
    for number, one in enumerate(many):
        deadlines.watch(one, number / 10)
    deadlines.sweep(3600.0)
    assert all(one.ticks == [3600.0] for one in many)


def test_one_that_breaks_keeps_no_other_from_being_looked_at(caplog):
    deadlines, broken, sound = Deadlines(0.0), Waiting(ValueError("secret")), Waiting()
    deadlines.watch(broken, 1.0)
    deadlines.watch(sound, 1.0)
    deadlines.sweep(2.0)
    assert sound.ticks == [2.0]
    assert "could not be ended" in caplog.text
    deadlines.sweep(10.0)
    assert broken.ticks == [2.0]


def test_nothing_is_kept_of_those_that_were_looked_at():
    deadlines = Deadlines(0.0)
    for second in range(100):
        for _ in range(10):
            deadlines.watch(Waiting(), second + 1.0)
        deadlines.sweep(float(second))
    assert len(deadlines._buckets) <= 3


def test_who_is_over_soon_is_forgotten_at_once():
    deadlines, others, one = Deadlines(0.0), [Waiting() for _ in range(1000)], Waiting()
    for other in others[:900]:
        deadlines.watch(other, 5.0)
    deadlines.watch(one, 5.0)
    for other in others[900:]:
        deadlines.watch(other, 5.0)
    deadlines.forget(one)
    deadlines.forget(one)
    deadlines.forget(Waiting())
    assert sum(map(len, deadlines._buckets.values())) == 1000
    deadlines.sweep(6.0)
    assert one.ticks == []
    assert all(other.ticks == [6.0] for other in others)


def test_an_earlier_instant_counts_and_a_later_one_does_not():
    deadlines, one = Deadlines(0.0), Waiting(30.0, 40.0)
    for at in (20.0, 10.0, 15.0):
        deadlines.watch(one, at)
    for second in range(50):
        deadlines.sweep(float(second))
    assert one.ticks == [11.0, 31.0, 41.0], "and not at 21, too"


def test_who_is_forgotten_because_of_another_one_is_not_looked_at():
    deadlines, two, three = Deadlines(0.0), Waiting(), Waiting()

    class One(Waiting):
        def tick(self, now):
            deadlines.forget(two)
            deadlines.forget(three)
            deadlines.watch(three, 20.0)
            return super().tick(now)

    for each in (one := One(), two, three):
        deadlines.watch(each, 5.0)
    deadlines.sweep(6.0)
    deadlines.sweep(30.0)
    assert (one.ticks, two.ticks, three.ticks) == ([6.0], [], [30.0])


def test_nothing_is_kept_of_who_is_forgotten_however_late_it_was():
    deadlines = Deadlines(100.0)
    for at in (0.0, 99.9, 100.0, 100.3, 1e6):
        one = Waiting()
        deadlines.watch(one, 2e6)
        deadlines.watch(one, at)
        deadlines.forget(one)
        assert not any(deadlines._buckets.values())


def test_who_is_watched_again_after_it_was_forgotten_is_looked_at_once():
    deadlines, one = Deadlines(0.0), Waiting()
    deadlines.watch(one, 20.0)
    deadlines.watch(one, 10.0)
    deadlines.forget(one)
    deadlines.watch(one, 15.0)
    for second in range(30):
        deadlines.sweep(float(second))
    assert one.ticks == [16.0]
