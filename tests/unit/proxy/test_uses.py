"""What is recorded together, and what is not."""

from datetime import timedelta

import pytest

from appliance.proxy.session import Outcome
from appliance.proxy.uses import Use, Uses

from .gate_school import NOW, School

USE = Use("fred", "10.1.0.9", "example.org", 443, "connect", Outcome.DONE)


@pytest.fixture
def school():
    return School()


@pytest.fixture
def uses(school):
    return Uses(school.gate.house)


def test_what_is_alike_is_one_record_from_its_first_beginning(school, uses):
    for seconds, size in ((5, 10), (2, 20), (7, 30)):
        uses.add(USE, NOW + timedelta(seconds=seconds), 1, size, 100 * size)
    uses.tell()
    (event,) = school.events
    told = {name: event.fields[name] for name in ("since", "requests", "up", "down")}
    assert told == {"since": (NOW + timedelta(seconds=2)).isoformat(), "requests": 3, "up": 60, "down": 6000}


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("login", "maria"),
        ("address", "10.1.0.10"),
        ("host", "example.com"),
        ("port", 80),
        ("way", "http"),
        ("outcome", Outcome.REFUSED),
    ],
)
def test_what_differs_in_anything_is_a_record_of_its_own(field, other, school, uses):
    for use in (USE, USE._replace(**{field: other})):
        uses.add(use, NOW, 1, 1, 1)
    uses.tell()
    assert [event.fields[field] for event in school.events] == [getattr(USE, field), other]


def test_nothing_is_told_twice(school, uses):
    uses.add(USE, NOW, 1, 1, 1)
    uses.tell()
    uses.tell()
    assert len(school.events) == 1


def test_many_at_once_are_told_before_there_are_too_many(school, uses):
    for number in range(2500):
        uses.add(USE._replace(host=f"{number}.example"), NOW, 1, 1, 1)
    assert len(school.events) == 2000
    uses.tell()
    assert len({event.fields["host"] for event in school.events}) == 2500
