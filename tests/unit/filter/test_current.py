"""Another index is noticed and taken while look-ups go on; a broken one is not."""

import time

import pytest

from appliance.filter.build import build
from appliance.filter.current import Current
from appliance.filter.entry import Entry, Kind


@pytest.fixture
def path(tmp_path):
    return tmp_path / "web.index"


def made(path, *domains):
    build((Entry("games", Kind.DOMAIN, domain) for domain in domains), path)


def until(current, wanted):
    """Look until ``wanted`` is so; it is, or the test ends by its time."""
    end = time.monotonic() + 20
    while not wanted():
        assert time.monotonic() < end
        current.look()


def test_without_an_index_nothing_is_listed_until_one_comes(path):
    current = Current(path)
    assert not current.look()
    assert current.index.of("a.example") == frozenset()
    made(path, "a.example")
    until(current, lambda: current.index.of("a.example"))
    assert current.index.of("www.a.example") == {"games"}


def test_each_new_one_is_taken_once_and_the_former_one_answers_meanwhile(path):
    made(path, "a.example")
    current = Current(path)
    former = current.index
    assert former.of("a.example")
    made(path, "b.example")
    took = []
    until(current, lambda: took.append(current.look()) or current.index is not former)
    assert current.index.of("b.example") and not current.index.of("a.example")
    assert former.of("a.example"), "who has it still may ask it"
    assert not current.look()


@pytest.mark.parametrize("data", [b"", b"x" * 5000])
def test_a_broken_one_is_not_taken(path, data):
    made(path, "a.example")
    current = Current(path)
    broken = path.with_name("broken")
    broken.write_bytes(data)
    broken.rename(path)
    until(current, lambda: current.problem)
    assert "broken" in current.problem
    assert current.index.of("a.example")
    made(path, "b.example")
    until(current, lambda: current.index.of("b.example"))
    assert current.problem == ""


def test_a_broken_one_at_the_start_is_as_none(path):
    path.write_bytes(b"no index")
    current = Current(path)
    assert current.problem and not current.index.of("a.example")


def test_one_that_is_removed_stays_in_use(path):
    made(path, "a.example")
    current = Current(path)
    path.unlink()
    assert not current.look()
    assert current.index.of("a.example")
