"""Who waits for which answer, with the finding of answers played: it may hang, fail, or know nothing."""

from typing import Any

import pytest
from twisted.internet import defer
from twisted.internet.task import Clock

from appliance.proxy import names_shared
from appliance.proxy.names_cache import LEAST, STALE
from appliance.proxy.names_shared import Missing, Shared, Tell


class Finder:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._under_way: dict[str, tuple[Tell[str], Any]] = {}

    async def find(self, key: str, _deadline: float, tell: Tell[str]) -> None:
        self.asked.append(key)
        if key == "at once":
            tell("1", 60)
            return
        over: Any = defer.Deferred()
        self._under_way[key] = tell, over
        await over

    def tell(self, key: str, found: str | Missing, seconds: float = 60) -> None:
        self._under_way[key][0](found, seconds)

    def end(self, key: str) -> None:
        self._under_way.pop(key)[1].callback(None)


class House:
    """Answers, the clock they go by, and who finds them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.finder = Finder()
        self.shared: Shared[str] = Shared(self.clock, 15, self.finder.find)

    def get(self, key: str, inside: bool = False) -> list[str | Missing]:
        """Begin to ask; the list gets what comes of it."""
        found: list[str | Missing] = []
        defer.ensureDeferred(self.shared.get(key, inside)).addCallback(found.append)
        return found

    def learn(self, key: str, found: str | Missing, seconds: float = 60) -> list[str | Missing]:
        waiting = self.get(key)
        self.finder.tell(key, found, seconds)
        self.finder.end(key)
        return waiting


@pytest.fixture
def house() -> House:
    return House()


def test_what_is_known_is_not_asked_again_while_it_counts(house: House) -> None:
    assert house.shared.known("a") is None
    assert house.learn("a", "1") == ["1"]
    assert house.shared.known("a") == "1"
    house.clock.advance(59)
    assert house.get("a") == ["1"]
    assert house.finder.asked == ["a"]
    house.clock.advance(1)
    assert house.shared.known("a") is None


def test_an_answer_may_be_there_at_once(house: House) -> None:
    assert house.get("at once") == ["1"]


def test_all_who_ask_for_the_same_wait_for_one_answer(house: House) -> None:
    waiting = [house.get("a"), house.get("a", inside=True), house.get("a")]
    assert house.finder.asked == ["a"] and waiting == [[], [], []]
    house.finder.tell("a", "1")
    assert waiting == [["1"]] * 3
    house.finder.end("a")


def test_what_is_told_later_counts_from_then_on(house: House) -> None:
    first = house.get("a")
    house.finder.tell("a", "1", 30)
    house.finder.tell("a", "1 2")
    assert first == ["1"] and house.get("a") == ["1 2"]
    house.finder.end("a")
    assert house.get("a") == ["1 2"] and house.finder.asked == ["a"]


def test_when_nobody_can_say_nobody_is_asked_for_a_moment(house: House) -> None:
    waiting = house.get("a")
    house.finder.end("a")
    assert waiting == [Missing.ANSWER]
    assert house.get("a") == [Missing.ANSWER] and house.finder.asked == ["a"]
    house.clock.advance(LEAST)
    assert house.learn("a", "1") == ["1"]


def test_an_old_answer_stands_in_when_no_new_one_comes(house: House) -> None:
    house.learn("a", "1")
    house.clock.advance(100)
    waiting = house.get("a")
    house.finder.end("a")
    assert waiting == ["1"] == [house.shared.known("a")]
    house.clock.advance(LEAST)
    assert house.shared.known("a") is None
    house.clock.advance(STALE)
    waiting = house.get("a")
    house.finder.end("a")
    assert waiting == [Missing.ANSWER], "too old"


def test_an_old_answer_stands_in_while_a_new_one_takes_long(house: House) -> None:
    house.learn("a", "1")
    house.clock.advance(100)
    waiting = house.get("a")
    house.clock.advance(1.7)
    assert waiting == []
    house.clock.advance(0.2)
    assert waiting == ["1"] == [house.shared.known("a")]
    house.finder.tell("a", "2")
    house.finder.end("a")
    assert waiting == ["1"] and house.shared.known("a") == "2"


def test_that_there_is_none_is_kept_but_never_stands_in(house: House) -> None:
    assert house.learn("a", Missing.NAME) == [Missing.NAME]
    assert house.shared.known("a") is Missing.NAME
    house.clock.advance(60)
    waiting = house.get("a")
    house.finder.end("a")
    assert waiting == [Missing.ANSWER]


def test_questions_that_hang_hold_up_no_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_shared, "_MOST", {False: 3, True: 1})
    house.learn("old", "1", 5)
    house.clock.advance(6)
    hanging = [house.get(key) for key in "abc"]
    assert house.get("d") == [Missing.ANSWER], "said at once when too many hang"
    assert house.get("old") == ["1"]
    inside = house.get("d", inside=True)
    house.finder.tell("d", "2")
    house.finder.end("d")
    assert inside == ["2"] and hanging == [[], [], []]
    for key in "abc":
        house.finder.end(key)
    assert hanging == [[Missing.ANSWER]] * 3
    assert house.learn("e", "3") == ["3"], "their places are free again"


def test_whoever_asks_for_names_that_nobody_answers_keeps_no_others_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names_shared, "_MOST", {False: 3, True: 1})
    hanging = [house.get(key) for key in "abc"]
    house.clock.advance(1.9)
    assert house.get("d") == [Missing.ANSWER]
    house.clock.advance(0.2)
    later = house.get("e")
    assert hanging == [[Missing.ANSWER], [], []], "the oldest makes room"
    house.finder.tell("e", "1")
    house.finder.end("e")
    assert later == ["1"]
    assert house.learn("f", "2") == ["2"]
    house.clock.advance(LEAST)
    again = house.get("a")
    assert (again, hanging[1:]) == ([], [[], []]), "one was over by itself, so there was room"
    house.finder.tell("b", "3")
    assert hanging[1] == ["3"]


def test_who_no_longer_waits_is_not_missed(house: House) -> None:
    gone = defer.ensureDeferred(house.shared.get("a", False))
    gone.addErrback(lambda failure: failure.trap(defer.CancelledError))
    there = house.get("a")
    gone.cancel()
    house.finder.tell("a", "1")
    house.finder.end("a")
    assert there == ["1"]


def test_what_is_forgotten_is_asked_again(house: House) -> None:
    house.learn("a", "1")
    house.shared.forget()
    assert house.learn("a", "2") == ["2"]
