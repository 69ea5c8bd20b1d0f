"""Who finds room, and who gives way."""

import pytest

from appliance.daemon.connections import Connections


class Line:
    def __init__(self) -> None:
        self.gave_way = False

    def last_word(self, reply: str) -> None: ...

    def give_way(self) -> None:
        self.gave_way = True


def test_connections_are_counted_by_address_and_in_all() -> None:
    lines, counts = [Line() for _ in range(6)], Connections(most=4, each=2)
    assert counts.take(lines[0], "a") and counts.take(lines[1], "a")
    assert not counts.take(lines[2], "a")
    assert counts.take(lines[2], "b") and counts.take(lines[3], "c")
    for line in lines[:4]:
        counts.signed_in(line)
    assert not counts.take(lines[4], "d")
    counts.give_back(lines[0])
    counts.give_back(lines[0])
    counts.give_back(lines[5])
    assert counts.take(lines[4], "a")
    assert len(list(counts)) == 4
    assert not any(line.gave_way for line in lines)


def test_idle_strangers_from_many_addresses_keep_nobody_out() -> None:
    """The oldest that has not signed in gives way; who has signed in never does."""
    counts = Connections(most=500, each=30)
    known, strangers, fred = Line(), [Line() for _ in range(17 * 30)], Line()
    assert counts.take(known, "10.1.0.1")
    counts.signed_in(known)
    for number, stranger in enumerate(strangers):
        assert counts.take(stranger, f"10.1.12.{number // 30}")
    assert [line.gave_way for line in strangers] == [True] * 11 + [False] * 499
    assert counts.take(fred, "10.1.14.9")
    assert strangers[11].gave_way and not known.gave_way and not fred.gave_way
    assert len(list(counts)) == 500
    counts.give_back(strangers[11])
    assert len(list(counts)) == 500


def test_a_network_of_ipv6_is_one_address() -> None:
    counts = Connections(most=9, each=2)
    assert counts.take(Line(), "2001:db8:1:2::1") and counts.take(Line(), "2001:db8:1:2:ffff::2")
    assert not counts.take(Line(), "2001:db8:1:2:3:4:5:6")
    assert counts.take(Line(), "2001:db8:1:3::1")


@pytest.mark.parametrize("here", ["127.0.0.1", "::1"])
def test_the_probe_finds_room_and_keeps_it(here: str) -> None:
    counts = Connections(most=2, each=2)
    known, probe = [Line(), Line()], Line()
    for line in known:
        assert counts.take(line, "10.1.12.7")
        counts.signed_in(line)
    assert counts.take(probe, here)
    assert not counts.take(Line(), "10.1.12.8")
    counts.give_back(known[0])
    assert counts.take(Line(), "10.1.12.8") and counts.take(Line(), "10.1.12.9")
    assert not probe.gave_way
    assert counts.take(Line(), here) and not counts.take(Line(), here)
