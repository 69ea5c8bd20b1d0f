"""A loop turned by hand: the clock moves when the test says so."""

from datetime import UTC, datetime, timedelta

import pytest


class HandLoop:
    """Meets the Loop seam; ``now()`` is its clock."""

    def __init__(self):
        self.seconds = 0.0
        self.timers = {}
        self.made = 0

    def now(self):
        return datetime(2026, 11, 23, 9, 0, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def call_later(self, seconds, callback):
        self.made += 1
        number = self.made
        self.timers[number] = (self.seconds + seconds, callback)
        return lambda: self.timers.pop(number, None)

    def wake(self, callback):
        callback()

    def turn(self, seconds):
        """Let ``seconds`` pass."""
        end = self.seconds + seconds
        while due := [(when, number) for number, (when, _) in self.timers.items() if when <= end]:
            when, number = min(due)
            self.seconds = max(self.seconds, when)
            self.timers.pop(number)[1]()
        self.seconds = end


@pytest.fixture
def loop():
    """Give a loop that stands still."""
    return HandLoop()
