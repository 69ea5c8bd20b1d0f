"""How often something may happen, on a clock of the test; and which smbds are looked at when."""

from typing import Any

import pytest

from appliance.fileshare.smb.guests import Seat
from appliance.fileshare.smb.looks import EVERY, Looks
from appliance.fileshare.smb.rate import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_so_many_at_once_and_then_one_after_each_interval(clock: Clock) -> None:
    rate = Rate(3, 0.5, clock)
    assert [rate.may("fred") for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.5
    assert [rate.may("fred") for _ in range(2)] == [True, False]
    clock.now += 100
    assert [rate.may("fred") for _ in range(4)] == [True, True, True, False]


def test_who_is_too_fast_keeps_nobody_else_waiting(clock: Clock) -> None:
    rate = Rate(1, 60.0, clock)
    assert [rate.may("fred"), rate.may("fred"), rate.may("frida")] == [True, False, True]
    clock.now += 59
    assert not rate.may("fred")
    clock.now += 1.1
    assert rate.may("fred")


def test_many_keys_fill_no_memory(clock: Clock) -> None:
    rate = Rate(1, 60.0, clock)
    for number in range(100_000):
        rate.may(number)
        clock.now += 1
    assert len(rate) <= 1001


class Sitting:
    def __init__(self, uid: int) -> None:
        self.uid = uid


def seat(*uids: int) -> Seat:
    guests: Any = {str(uid): Sitting(uid) for uid in uids}
    smbd: Any = None
    return Seat(smbd, guests)


def test_between_two_looks_at_all_only_they_are_looked_at_who_have_little_space() -> None:
    rich, full, both = seat(1), seat(2), seat(1, 2)
    everybody = [rich, full, both]
    looks = Looks()
    assert looks.seats(everybody, 10.0) == everybody
    assert looks.after(everybody, {2}) == EVERY[1]
    for now in (10.05, 10.1, 10.45):
        assert looks.seats(everybody, now) == [full, both]
        assert looks.after([full, both], {2}) == EVERY[1]
    assert looks.seats(everybody, 10.0 + EVERY[0]) == everybody
    assert looks.after(everybody, ()) == EVERY[0]
    assert looks.seats(everybody, 10.6) == everybody, "a timer that is a bit early misses nothing"


def test_who_has_come_is_looked_at_soon_and_who_has_gone_is_not() -> None:
    full, gone, new = seat(2), seat(2), seat(3)
    looks = Looks()
    looks.seats([full, gone], 10.0)
    looks.after([full, gone], {2})
    looks.add(new)
    assert looks.seats([full, new], 10.05) == [full, new]
