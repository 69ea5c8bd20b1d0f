"""Waiting in tests: what comes in time is never missed, however long a look takes."""

import time

import pytest

from tests.integration.demo.waiting import eventually


def test_a_look_that_takes_longer_than_may_be_waited_is_not_the_last() -> None:
    looks = iter([False, True])

    def slow() -> bool:
        deadline = time.monotonic() + 0.02
        while time.monotonic() < deadline:
            pass
        return next(looks)

    assert eventually(slow, within=0.01)


def test_what_never_comes_fails_with_what_was_seen_last() -> None:
    def check() -> bool:
        raise AssertionError("still there")

    with pytest.raises(AssertionError, match=r"not within 0\.01 s: the end .*still there"):
        eventually(check, within=0.01, what="the end")
