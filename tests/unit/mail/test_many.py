"""Whether a message goes to more people, or is more, than its sender may write."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.mail.many import Counted, TooMany
from appliance.policy.decision import Reason
from appliance.policy.mailing import Bounds

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
BOUNDS = Bounds(10, 15, "a message's setting", "an hour's setting", 100 * 1024 + 1, "a setting of bytes")


class Hour:
    """Somebody who wrote to ``before`` people, or so many KiB, all of which are free again after ``wait`` minutes."""

    def __init__(self, before: int, most: int = 15, wait: int = 10) -> None:
        self.before = before
        self.most = most
        self.wait = wait

    def in_last_hour(self, uid: int, now: datetime) -> int:
        assert (uid, now) == (7, NOW)
        return self.before

    def free_at(self, uid: int, count: int, most: int, now: datetime) -> datetime | None:
        assert (uid, most, now) == (7, self.most, NOW)
        return now + timedelta(minutes=self.wait) if count <= most else None

    def add(self, uid: int, count: int, now: datetime) -> None:
        assert (uid, now) == (7, NOW)
        self.before += count


def counted(people: int, kib: int = 0, wait: int = 10) -> Counted:
    return Counted(BOUNDS, 7, Hour(people, wait=wait), Hour(kib, 100))


@pytest.mark.parametrize(
    ("before", "recipients", "reason", "wait"),
    [
        (0, 10, None, 0.0),
        (5, 10, None, 0.0),
        (0, 11, Reason.TOO_MANY, 0.0),
        (6, 10, Reason.HOUR_FULL, 600.0),
        (15, 1, Reason.HOUR_FULL, 600.0),
    ],
)
def test_at_once_and_within_an_hour(before: int, recipients: int, reason: Reason | None, wait: float) -> None:
    found = counted(before).too_many(recipients, 0, NOW)
    assert (found and found.reason, found.retry_after if found else 0.0) == (reason, wait)


def test_what_no_hour_has_room_for_need_not_come_again() -> None:
    found = replace(counted(0), bounds=replace(BOUNDS, per_message=100)).too_many(16, 0, NOW)
    assert isinstance(found, TooMany)
    assert (found.reason, found.rule.source) == (Reason.TOO_MANY, "an hour's setting")


def test_an_hour_has_sixty_minutes_for_whoever_waits() -> None:
    """It slides in steps, and may take a step longer; nobody is told of 65 minutes."""
    found = counted(15, wait=65).too_many(1, 0, NOW)
    assert found is not None and found.retry_after == 3600.0


@pytest.mark.parametrize(
    ("before", "recipients", "size", "reason"),
    [
        (0, 10, 10 * 1024, None),
        (0, 10, 10 * 1024 + 1, Reason.TOO_MUCH),
        (60, 4, 10 * 1024, None),
        (60, 4, 10 * 1024 + 1, Reason.HOUR_SPENT),
        (100, 1, 1, Reason.HOUR_SPENT),
        (100, 1, 0, None),
    ],
)
def test_a_message_weighs_once_for_each_recipient(
    before: int, recipients: int, size: int, reason: Reason | None
) -> None:
    found = counted(0, before).too_many(recipients, size, NOW)
    assert (found and found.reason) == reason
    assert found is None or found.rule.source == "a setting of bytes"
    assert found is None or found.retry_after == (600.0 if reason is Reason.HOUR_SPENT else 0.0)


def test_what_is_sent_counts_twice_over() -> None:
    one = counted(1, 2)
    assert one.count(3, 1025, NOW) is None
    assert isinstance(one.hours, Hour) and isinstance(one.weights, Hour)
    assert (one.hours.before, one.weights.before) == (4, 6)


@pytest.mark.parametrize(
    ("people", "kib", "recipients", "size", "reason"),
    [
        (0, 0, 11, 1, Reason.TOO_MANY),
        (12, 0, 4, 1, Reason.HOUR_FULL),
        (0, 98, 3, 1024, Reason.HOUR_SPENT),
        (0, 0, 10, 11 * 1024, Reason.TOO_MUCH),
    ],
)
def test_what_is_not_sent_does_not_count(people: int, kib: int, recipients: int, size: int, reason: Reason) -> None:
    one = counted(people, kib)
    found = one.count(recipients, size, NOW)
    assert found is not None and found.reason is reason
    assert isinstance(one.hours, Hour) and isinstance(one.weights, Hour)
    assert (one.hours.before, one.weights.before) == (people, kib)


class Contended(Hour):
    """One in which another worker counts at the very moment, sees us, and takes it back."""

    def __init__(self, before: int, others: int, most: int = 15) -> None:
        super().__init__(before, most)
        self.others = others

    def in_last_hour(self, uid: int, now: datetime) -> int:
        others, self.others = self.others, 0
        return super().in_last_hour(uid, now) + others


@pytest.mark.parametrize(
    ("hours", "weights", "reason"),
    [
        (Contended(10, 3), Hour(0, 100), Reason.HOUR_FULL),
        (Hour(0), Contended(95, 3, 100), Reason.HOUR_SPENT),
    ],
)
def test_two_at_the_same_moment_never_take_the_same_room(hours: Hour, weights: Hour, reason: Reason) -> None:
    one, before = Counted(BOUNDS, 7, hours, weights), (hours.before, weights.before)
    found = one.count(3, 1024, NOW)
    assert found is not None and (found.reason, found.retry_after) == (reason, 1.0)
    assert (hours.before, weights.before) == before
    assert one.count(3, 1024, NOW) is None, "a moment later"
